"""The names of the layer's groups, and nobody else's business. Each carries whose it is."""

import uuid


def visitors_of(company_id: uuid.UUID, conversation_id: uuid.UUID) -> str:
    """The sockets of a conversation's visitor."""
    return f"{company_id.hex}.visitor.{conversation_id.hex}"


def desks_of(company_id: uuid.UUID, conversation_id: uuid.UUID) -> str:
    """The desks that show a conversation."""
    return f"{company_id.hex}.desk.{conversation_id.hex}"


def website(company_id: uuid.UUID, origin: str) -> str:
    """The sockets of a company's visitors on one website."""
    return f"{company_id.hex}.website.{origin}"


def agent(user_id: uuid.UUID) -> str:
    """All desks of one person."""
    return f"agent.{user_id.hex}"
