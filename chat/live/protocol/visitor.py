"""Frames that a visitor's client sends on `/ws/visitor/`."""

from typing import Annotated

from msgspec import Meta

from chat.live.protocol.fields import (
    After,
    FrameId,
    Page,
    Part,
    Seq,
    ShortText,
    Text,
    VisitorKey,
)
from chat.live.protocol.frame import ClientFrame


class Resume(Part, frozen=True):
    """Where a client that was here before goes on."""

    conversation: VisitorKey
    after: After = 0


class StartFields(Part, frozen=True):
    """Who the visitor says they are; each may be left out."""

    name: Annotated[str, Meta(max_length=120, pattern=r"\A[^\x00]*\Z")] = ""
    email: Annotated[str, Meta(max_length=254, pattern=r"\A[^\x00]*\Z")] = ""
    phone: Annotated[str, Meta(max_length=40, pattern=r"\A[^\x00]*\Z")] = ""


class Hello(ClientFrame, frozen=True, tag="hello"):
    """The first frame, within 10 s. Answered by `welcome`, then by the missing events."""

    token: Annotated[str, Meta(max_length=2000, description="The visitor token.")]
    resume: Resume | None = None
    page: Page | None = None


class ConversationStart(ClientFrame, frozen=True, tag="conversation.start"):
    """Opens a conversation. Acked with `conversation` and the `seq` of its last event."""

    id: FrameId
    fields: StartFields = StartFields()
    text: Text | None = None


class MessageSend(ClientFrame, frozen=True, tag="message.send"):
    """Says something. Acked after it is stored for good; `conflict` under another frame's id."""

    id: FrameId
    conversation: VisitorKey
    text: Text


class Typing(ClientFrame, frozen=True, tag="typing"):
    """Ephemeral; of an open chat, at most one beginning a second is passed on, and every end."""

    conversation: VisitorKey
    on: bool


class Seen(ClientFrame, frozen=True, tag="seen"):
    """Everything up to `seq` was on the person's screen."""

    conversation: VisitorKey
    seq: Seq


class ConversationEnd(ClientFrame, frozen=True, tag="conversation.end"):
    """The visitor ends the conversation."""

    id: FrameId
    conversation: VisitorKey


class PageView(ClientFrame, frozen=True, tag="page"):
    """The visitor went to another page of the company's website."""

    url: Annotated[str, Meta(max_length=2000, pattern=r"\A[^\x00]*\Z")]
    title: ShortText = ""
    referrer: Annotated[str, Meta(max_length=2000, pattern=r"\A[^\x00]*\Z")] = ""


class ResumeConversation(ClientFrame, frozen=True, tag="resume"):
    """Asks for the events after a gap. Answered by the events, in order."""

    conversation: VisitorKey
    after: After


class Ping(ClientFrame, frozen=True, tag="ping"):
    """Every 25 s with some jitter. Answered by `pong`."""


VisitorFrame = (
    Hello
    | ConversationStart
    | MessageSend
    | Typing
    | Seen
    | ConversationEnd
    | PageView
    | ResumeConversation
    | Ping
)
