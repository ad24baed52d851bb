"""What a frame that fails leaves: an error for its sender, the conversation's id for the log."""

from chat.live.mailbox import Message
from chat.live.protocol.frame import ClientFrame
from chat.live.protocol.server import Error
from tenants.errors import ProductError


def error_frame(error: ProductError, frame_id: str | None = None) -> Error:
    """The error as a client is told it; `frame_id`: of the frame that it answers."""
    return Error(
        code=error.code,
        message=str(error),
        id=frame_id,
        retry_after=error.retry_after,
        fields=getattr(error, "fields", None),
    )


def logged_of(about: ClientFrame | Message) -> dict[str, str]:
    """For the log, the id of the conversation that a frame or a message of the layer names."""
    if isinstance(about, ClientFrame):
        named = getattr(about, "conversation", None)
    elif about["type"] == "live.event":
        named = about["event"].event.conversation_id
    else:
        named = about.get("conversation")
    # A desk names it by its key.
    return {"conversation": str(named).rpartition("/")[2]} if named else {}
