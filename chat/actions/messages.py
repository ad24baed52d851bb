"""Sending a message from a socket: stored by group commit, then shown to everybody else."""

import asyncio
import uuid
from collections.abc import Callable

from chat.live.group_commit import GroupCommit
from chat.live.message_rows import Append, Outcome, Stored
from chat.live.streams import streams
from chat.queries.event_bodies import StoredEvent
from tenants.resolution import CompanyRef

_committers: dict[asyncio.AbstractEventLoop, GroupCommit] = {}


def committer() -> GroupCommit:
    """This process's group commit, on the running loop."""
    loop = asyncio.get_running_loop()
    found = _committers.get(loop)
    if found is None:
        for stale in [known for known in _committers if known.is_closed()]:
            del _committers[stale]
        found = _committers[loop] = GroupCommit()
    return found


def send(
    *,
    company: CompanyRef,
    conversation_id: uuid.UUID,
    client_id: uuid.UUID,
    author_kind: str,
    author_id: uuid.UUID,
    author_name: str,
    text: str,
    note: bool,
    sender: object,
    answer: Callable[[Outcome], None],
) -> None:
    """Have a message stored; `answer` is called on this loop after its commit, or its refusal.

    Whether the author may write there is judged by the statement that stores it. `sender` is the
    socket it came from: `answer` stands for the event there, all others get the event itself.
    """

    def done(append: Append, outcome: Outcome) -> None:
        answer(outcome)
        if isinstance(outcome, Stored) and outcome.is_new:
            streams().stored(
                company,
                StoredEvent(
                    conversation_id,
                    outcome.seq,
                    outcome.visitor_seq,
                    append.kind,
                    append.author_kind,
                    client_id,
                    outcome.at,
                    append.body,
                ),
                sender,
            )

    committer().submit(
        Append(
            company=company,
            conversation_id=conversation_id,
            client_id=client_id,
            kind="note" if note else "message",
            author_kind=author_kind,
            author_id=author_id,
            author_name=author_name,
            text=text,
            done=done,
        )
    )
