"""What visitors are called."""

import uuid


def shown_name(name: str, visitor_id: uuid.UUID) -> str:
    """The visitor's name, else a short stable label."""
    return name or f"Visitor {visitor_id.hex[:4]}"
