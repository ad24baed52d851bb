"""The field types that frames share, and their bounds."""

import datetime
import uuid
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tenants.unseen import BLANK

MAX_FRAME_BYTES = 64 * 1024
MAX_TEXT = 4000

FrameId = Annotated[
    uuid.UUID,
    Meta(
        description="Made by the client; sent again, it changes nothing and gets the same answer."
    ),
]
Text = Annotated[
    str,
    Meta(
        max_length=MAX_TEXT,
        pattern=rf"\A[{BLANK}]*[^\x00{BLANK}][^\x00]*\Z",
        description=f"What is said: 1 to {MAX_TEXT} characters, one of them to be seen, no NUL.",
    ),
]
ShortText = Annotated[str, Meta(max_length=300, pattern=r"\A[^\x00]*\Z")]
Address = Annotated[str, Meta(max_length=2000, pattern=r"\A[^\x00]*\Z")]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
After = Annotated[
    int, Meta(ge=0, le=2**53 - 1, description="The last seq you hold; 0 asks for everything.")
]
VisitorKey = Annotated[uuid.UUID, Meta(description="The conversation's id.")]
DeskKey = Annotated[
    str,
    Meta(
        pattern=r"\A[a-z0-9-]{1,40}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z",
        description="The conversation's key: `<company slug>/<conversation id>`.",
    ),
]
Key = Annotated[
    str,
    Meta(description="On a visitor's socket the conversation's id, on the desk's its key."),
]
Moment = Annotated[datetime.datetime, Meta(tz=True, description="ISO 8601 with offset.")]

State = Literal["queued", "assigned", "closed"]
Disposition = Literal["lead", "answered", "no_reply", "wrong_company", "spam"]
Status = Literal["available", "away", "offline"]


def desk_key(company_slug: str, conversation_id: uuid.UUID) -> DeskKey:
    """What a conversation is called on the desk."""
    return f"{company_slug}/{conversation_id}"


class Part(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An object inside a frame."""


class Author(Part, frozen=True):
    """Who said or did it. A visitor is never told an agent's id."""

    kind: Literal["visitor", "agent", "greeter", "system"]
    name: str = ""
    id: uuid.UUID | None = None


class Page(Part, frozen=True):
    """The page of the company's website that the visitor is on."""

    url: Address = ""
    title: ShortText = ""
    referrer: Address = ""


class CompanyName(Part, frozen=True):
    """Whose brand a conversation is under."""

    slug: str
    name: str
