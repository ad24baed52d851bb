"""Decisions in words."""

from routing.matching import Decision, Ranked
from routing.values import Reason

SENTENCES = {
    Reason.NO_AGENT: "No agent serves this company.",
    Reason.NOT_CLEARED: "No agent who is cleared for health care serves this company.",
    Reason.NOT_AVAILABLE: "Every agent who serves this company is away or offline.",
    Reason.DISCONNECTED: "The agents who serve this company have lost their connection.",
    Reason.NOBODY_FREE: "No agent who serves this company is free.",
    Reason.OVERFLOW: "Only overflow agents have room, and they are asked a little later.",
    Reason.SKILL: "No agent with the skills asked for is there.",
    Reason.WRAPPING_UP: "The agent is wrapping up another chat.",
    Reason.FULL: "Every agent is at capacity.",
    Reason.COMPANY_LIMIT: "Every agent is at their limit for this company.",
    Reason.COOLING_DOWN: "The agent has just declined or missed an offer.",
    Reason.EXCLUDED: "Everybody was asked in this round.",
}


def why(decision: Decision) -> str:
    """Why the agent of a decision was the one: a sentence."""
    if not decision.ranked:
        return SENTENCES[decision.blocked or Reason.NO_AGENT]
    first, *others = decision.ranked
    if not others:
        return "The only agent who can take this chat now."
    return f"{_difference(first, others[0])} {len(decision.ranked)} agents could take this chat."


def _difference(first: Ranked, second: Ranked) -> str:
    names = (
        "Served this visitor before.",
        "Knows the asked skills better.",
        "Has the most room.",
        "Waited longest for a chat.",
        "Took the fewest chats today.",
    )
    for name, mine, theirs in zip(names, first.rank, second.rank, strict=True):
        if mine != theirs:
            return name
    return "All else being equal, the first by id."
