"""The one tree of errors that people and programs are told about."""


class ProductError(Exception):
    """An error with a code for programs and a sentence for people.

    `http_status` answers a request, `close_code` (RFC 6455 private range) ends a socket where the
    error is abuse; None leaves the socket open.
    """

    code = "error"
    message = "Something went wrong. Try again."
    http_status = 400
    close_code: int | None = None

    def __init__(self, message: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(message or self.message)
        self.retry_after = retry_after


class NotFound(ProductError):
    """Absent and forbidden look alike, so that nobody learns what exists."""

    code = "not_found"
    message = "There is nothing here, or it is not yours."
    http_status = 404


class Forbidden(ProductError):
    code = "forbidden"
    message = "Your role does not allow this."
    http_status = 403


class Invalid(ProductError):
    code = "invalid"
    message = "Check what you sent."
    http_status = 422


class SlugTaken(Invalid):
    code = "slug_taken"
    message = "This address belongs to another company. Choose another."


class SlugReserved(Invalid):
    code = "slug_reserved"
    message = "This address is kept for the service itself. Choose another."


class Conflict(ProductError):
    code = "conflict"
    message = "Somebody else was faster. Look at the new state and try again."
    http_status = 409


class TooFast(ProductError):
    code = "too_fast"
    message = "Too many at once. Wait a moment."
    http_status = 429


class CompanyGone(ProductError):
    code = "company_gone"
    message = "This company does not exist or is not active."
    http_status = 404


class DecryptionFailed(ProductError):
    """A stored value is not a token of this column and company, or its key is gone."""

    code = "unreadable"
    message = "A stored value cannot be read: it was changed from outside or its key is gone."
    http_status = 500


class ValueUnreadable(DecryptionFailed):
    """It is this one value; the company's keys are there, and open others."""
