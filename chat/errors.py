"""What a socket can be told. Every code is listed in docs/protocol.md, made from ERRORS below."""

from chat.visitor_token import BadToken
from routing.errors import BadStatus, NotAnAgent, OfferGone
from tenants.errors import (
    CompanyGone,
    Conflict,
    DecryptionFailed,
    Forbidden,
    Invalid,
    NotFound,
    ProductError,
    TooFast,
)


class BadFrame(ProductError):
    """Broken JSON, a missing field, a wrong type, a value out of bounds."""

    code = "bad_frame"
    message = "The frame cannot be read. See the protocol."


class UnknownType(ProductError):
    code = "unknown_type"
    message = "There is no such type of frame here."


class TooLarge(ProductError):
    code = "too_large"
    message = "The frame is too large. Send less at once."
    http_status = 413


class FrameAbuse(ProductError):
    """One socket sent too many frames that cannot be read, or a binary one."""

    code = "frame_abuse"
    message = "Too many frames that cannot be read."
    close_code = 4400


class HelloFirst(ProductError):
    code = "hello_first"
    message = "Say hello first, once."
    http_status = 401
    close_code = 4401


class SignedOut(ProductError):
    code = "signed_out"
    message = "Your session has ended. Sign in again."
    http_status = 401
    close_code = 4401


class OriginRefused(ProductError):
    """The socket was opened by a page of another site, or of none."""

    code = "origin_refused"
    message = "This page may not open a chat here."
    http_status = 403
    close_code = 4403


class NoDesk(ProductError):
    """The person serves no company, or no longer does."""

    code = "no_desk"
    message = "You are not an agent or supervisor of any company."
    http_status = 403
    close_code = 4403


class SiteClosed(ProductError):
    """The company was suspended, or took the visitor's website off its list."""

    code = "site_closed"
    message = "This chat is not available any more."
    http_status = 403
    close_code = 4403


class HelloTimeout(ProductError):
    code = "hello_timeout"
    message = "No hello came in time."
    http_status = 408
    close_code = 4408


class SlowReader(ProductError):
    """More was waiting for this socket than is kept: it resumes from its last seq."""

    code = "slow_reader"
    message = "You read too slowly. Reconnect and resume."
    close_code = 4008


class Flood(ProductError):
    code = "flood"
    message = "Far too many frames. Reconnect later."
    http_status = 429
    close_code = 4429

    def __init__(self, message: str | None = None, *, retry_after: float | None = 30.0) -> None:
        super().__init__(message, retry_after=retry_after)


class FieldsInvalid(Invalid):
    """Refused by its fields: `fields` maps each wrong one to what to do about it."""

    code = "fields_invalid"
    message = "Check the marked fields."

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__()
        self.fields = fields


class Unavailable(ProductError):
    """Nothing was stored, or nobody knows: send it again with the same id."""

    code = "unavailable"
    message = "This cannot be stored right now. It will be tried again."
    http_status = 503

    def __init__(self, message: str | None = None, *, retry_after: float | None = 1.0) -> None:
        super().__init__(message, retry_after=retry_after)


class ConversationClosed(ProductError):
    code = "conversation_closed"
    message = "This chat has ended."
    http_status = 409


class AlreadyOpen(ProductError):
    """A visitor has one open conversation at most."""

    code = "already_open"
    message = "You already have an open chat."
    http_status = 409


ERRORS: tuple[type[ProductError], ...] = (
    BadFrame,
    UnknownType,
    TooLarge,
    FrameAbuse,
    HelloFirst,
    HelloTimeout,
    BadToken,
    SignedOut,
    OriginRefused,
    NoDesk,
    SiteClosed,
    SlowReader,
    TooFast,
    Flood,
    NotFound,
    Forbidden,
    Invalid,
    FieldsInvalid,
    Conflict,
    ConversationClosed,
    AlreadyOpen,
    OfferGone,
    NotAnAgent,
    BadStatus,
    Unavailable,
    CompanyGone,
    DecryptionFailed,
)
