"""Frames that the server sends on both sockets."""

import uuid
from typing import Annotated, Literal

from msgspec import Meta

from chat.live.protocol.fields import (
    Author,
    CompanyName,
    Disposition,
    Key,
    Moment,
    Part,
    Seq,
    State,
)
from chat.live.protocol.frame import ServerFrame
from routing.values import Status

EventSeq = Annotated[int, Meta(description="1, 2, 3 … without gaps in this conversation's stream.")]


class Me(Part, frozen=True):
    """Whom the server takes the client for."""

    kind: Literal["visitor", "agent"]
    id: uuid.UUID
    name: str = ""


class VisitorContext(Part, frozen=True):
    """What the desk is shown of the visitor."""

    name: str = ""
    email: str = ""
    phone: str = ""
    page_url: str = ""
    page_title: str = ""
    referrer: str = ""
    past_conversations: int = 0


class ConversationState(Part, frozen=True):
    """A conversation as it is now; its events follow as frames of their own."""

    conversation: Key
    state: State
    last_seq: Seq
    started_at: Moment
    agent: Author | None = None
    visitor_seen: Annotated[Seq, Meta(description="How far the visitor has read.")] = 0
    desk_seen: Annotated[Seq, Meta(description="How far the agent has read.")] = 0
    company: Annotated[CompanyName | None, Meta(description="Desk only.")] = None
    visitor: Annotated[VisitorContext | None, Meta(description="Desk only.")] = None


class AgentStatus(Part, frozen=True):
    """The agent's own status and load."""

    status: Status
    since: Moment
    load: int
    capacity: int
    reason: str = ""


class Welcome(ServerFrame, frozen=True, tag="welcome"):
    """The answer to `hello`. The events after what the client holds follow, in order."""

    you: Me
    server_time: Moment
    conversations: list[ConversationState]
    status: Annotated[AgentStatus | None, Meta(description="Desk only.")] = None


class Ack(ServerFrame, frozen=True, tag="ack"):
    """The frame `id` is done, and stored for good.

    The ack of a `message.send` stands for the event itself: the socket that sent the message gets
    no `message` frame for it, and counts the ack's `seq` as received. Other sockets get the event.
    """

    id: uuid.UUID
    conversation: Key | None = None
    seq: Seq | None = None
    at: Moment | None = None
    lead: uuid.UUID | None = None
    version: int | None = None


class Error(ServerFrame, frozen=True, tag="error"):
    """The frame `id` was refused; nothing changed. Without `id` the frame could not be read."""

    code: str
    message: str
    id: str | None = None
    retry_after: Annotated[float | None, Meta(description="Seconds to wait.")] = None
    fields: Annotated[
        dict[str, str] | None, Meta(description="What to correct, by field name.")
    ] = None


class Pong(ServerFrame, frozen=True, tag="pong"):
    """The answer to `ping`. A higher seq than yours: an event did not reach you, send `resume`."""

    server_time: Moment
    conversations: dict[str, int]


class Reconnect(ServerFrame, frozen=True, tag="reconnect"):
    """The server is about to restart: reconnect after so many seconds. The close code is 4012."""

    after: float


class Message(ServerFrame, frozen=True, tag="message"):
    """Durable: somebody said something."""

    conversation: Key
    seq: EventSeq
    author: Author
    text: str
    at: Moment
    id: Annotated[
        uuid.UUID | None, Meta(description="The id of the `message.send` that made it.")
    ] = None
    note: Annotated[bool, Meta(description="Desk only: the visitor never sees it.")] = False


class ConversationChanged(ServerFrame, frozen=True, tag="conversation.changed"):
    """Durable: the conversation started, found or lost its agent, or ended."""

    conversation: Key
    seq: EventSeq
    change: Literal["started", "assigned", "requeued", "closed"]
    state: State
    author: Author
    at: Moment
    agent: Author | None = None
    disposition: Annotated[Disposition | None, Meta(description="Desk only.")] = None


class LeadChanged(ServerFrame, frozen=True, tag="lead.changed"):
    """Durable, desk only: the lead was saved."""

    conversation: Key
    seq: EventSeq
    author: Author
    at: Moment
    lead: uuid.UUID
    version: int


class TypingShown(ServerFrame, frozen=True, tag="typing"):
    """Ephemeral. Forget it after 6 s without another."""

    conversation: Key
    by: Literal["visitor", "agent"]
    on: bool


class SeenShown(ServerFrame, frozen=True, tag="seen"):
    """Ephemeral: the other side has read up to `seq`, in your own numbering."""

    conversation: Key
    by: Literal["visitor", "desk"]
    seq: Seq


class Presence(ServerFrame, frozen=True, tag="presence"):
    """Ephemeral, desk only: the visitor's panel is connected, or no longer."""

    conversation: Key
    online: bool


class QueueShown(ServerFrame, frozen=True, tag="queue"):
    """Ephemeral, visitor only: where in the queue; `wait` in seconds, low and high."""

    conversation: Key
    position: int
    wait: tuple[int, int] | None = None


class Offer(ServerFrame, frozen=True, tag="offer"):
    """Ephemeral, desk only: a conversation is offered until `expires_at`."""

    offer: uuid.UUID
    conversation: Key
    company: CompanyName
    expires_at: Moment
    skills: list[str] = []
    why: Annotated[str, Meta(description="Why this agent, in a sentence.")] = ""


class OfferWithdrawn(ServerFrame, frozen=True, tag="offer.withdrawn"):
    """Ephemeral, desk only: the offer is gone."""

    offer: uuid.UUID
    reason: Literal["accepted", "declined", "expired", "withdrawn"]


class ConversationOpened(ServerFrame, frozen=True, tag="conversation.opened"):
    """Desk only: a conversation became the agent's. Its events follow from 1."""

    conversation: ConversationState


class ConversationGone(ServerFrame, frozen=True, tag="conversation.gone"):
    """Desk only: the person may see the conversation no longer, or it made room for another (see
    Limits). Forget all of it."""

    conversation: Key


class StatusShown(ServerFrame, frozen=True, tag="status"):
    """Ephemeral, desk only: the agent's own status or load changed."""

    status: AgentStatus


DurableEvent = Message | ConversationChanged | LeadChanged
Ephemeral = TypingShown | SeenShown | Presence | QueueShown | Offer | OfferWithdrawn | StatusShown
Answer = Welcome | Ack | Error | Pong | Reconnect | ConversationOpened | ConversationGone
