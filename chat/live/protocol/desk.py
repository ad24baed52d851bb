"""Frames that an agent's or supervisor's client sends on `/ws/desk/`."""

import uuid
from typing import Annotated

from msgspec import Meta

from chat.live.protocol.fields import After, DeskKey, Disposition, FrameId, Seq, Status, Text
from chat.live.protocol.frame import ClientFrame

LeadValue = Annotated[str, Meta(max_length=4000, pattern=r"\A[^\x00]*\Z")]
LeadFieldName = Annotated[str, Meta(max_length=60)]


class Hello(ClientFrame, frozen=True, tag="hello"):
    """The first frame, within 10 s. Answered by `welcome`, then by the missing events."""

    resume: Annotated[
        dict[DeskKey, After],
        Meta(
            max_length=200,
            description="The last seq you hold of each conversation you show, of at most 200."
            " `conversation.gone` says which of them you may see no longer.",
        ),
    ] = {}


class StatusSet(ClientFrame, frozen=True, tag="status.set"):
    """The agent starts or stops taking chats. Acked; all their sockets get `status`."""

    id: FrameId
    status: Status
    reason: Annotated[str, Meta(max_length=60, pattern=r"\A[^\x00]*\Z")] = ""


class OfferAccept(ClientFrame, frozen=True, tag="offer.accept"):
    """Takes an offered conversation. Acked with `conversation`; `offer_gone` where it is no longer
    offered to this agent."""

    id: FrameId
    offer: uuid.UUID


class OfferDecline(ClientFrame, frozen=True, tag="offer.decline"):
    """Leaves an offered conversation to another agent. Acked."""

    id: FrameId
    offer: uuid.UUID


class MessageSend(ClientFrame, frozen=True, tag="message.send"):
    """Answers the visitor, or with `note` writes what only the desk sees. Acked after commit."""

    id: FrameId
    conversation: DeskKey
    text: Text
    note: bool = False


class Typing(ClientFrame, frozen=True, tag="typing"):
    """Ephemeral; of an open chat, at most one beginning a second is passed on, and every end."""

    conversation: DeskKey
    on: bool


class Seen(ClientFrame, frozen=True, tag="seen"):
    """Everything up to `seq` was on the agent's screen."""

    conversation: DeskKey
    seq: Seq


class LeadSave(ClientFrame, frozen=True, tag="lead.save"):
    """Saves the lead form. `version` is the revision it was filled from, 0 for a new lead.

    Acked with `lead` and its new `version`; `conflict` when somebody saved in between; `invalid`
    with `fields` for what must be corrected.
    """

    id: FrameId
    conversation: DeskKey
    fields: Annotated[dict[LeadFieldName, LeadValue], Meta(max_length=60)]
    version: Annotated[int, Meta(ge=0)] = 0


class ConversationClose(ClientFrame, frozen=True, tag="conversation.close"):
    """Ends one of the agent's conversations. Acked."""

    id: FrameId
    conversation: DeskKey
    disposition: Disposition | None = None


class ResumeConversation(ClientFrame, frozen=True, tag="resume"):
    """Asks for the events after a gap, or (a supervisor) begins to read along.

    Answered by the events, in order.
    """

    conversation: DeskKey
    after: After


class Ping(ClientFrame, frozen=True, tag="ping"):
    """Every 25 s with some jitter. Answered by `pong`."""


DeskFrame = (
    Hello
    | StatusSet
    | OfferAccept
    | OfferDecline
    | MessageSend
    | Typing
    | Seen
    | LeadSave
    | ConversationClose
    | ResumeConversation
    | Ping
)
