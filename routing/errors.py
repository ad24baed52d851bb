from tenants.errors import Conflict, Invalid, NotFound


class OfferGone(Conflict):
    code = "offer_gone"
    message = "This chat is no longer offered to you."


class AgentReturned(Conflict):
    """The agent came back within the grace, so their chat stays with them."""

    code = "agent_returned"
    message = "The agent is back and keeps the chat."


class NotAnAgent(NotFound):
    code = "not_an_agent"
    message = "This person is not an agent. An operator adds agents in the platform's admin."


class UnknownSkill(Invalid):
    code = "unknown_skill"
    message = "There is no such skill. Add it to the catalogue first."


class BadStatus(Invalid):
    code = "bad_status"
    message = "Choose available, away or offline, and a reason from the list."
