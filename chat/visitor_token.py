"""The short-lived token by which a visitor's socket says who it is and on which website it stands.

It is signed, not secret: it travels in a frame or a request body, never in a URL. The salt holds
the company, so a token of one company verifies at no other.
"""

import dataclasses
import uuid

from django.core import signing

from tenants.errors import ProductError
from tenants.resolution import CompanyRef

MAX_AGE_SECONDS = 15 * 60


class BadToken(ProductError):
    """A visitor token that is missing, changed, too old or another company's."""

    code = "bad_token"
    message = "This chat session is over. Open the chat again."
    http_status = 401
    close_code = 4401


@dataclasses.dataclass(frozen=True, slots=True)
class VisitorToken:
    visitor_id: uuid.UUID
    visit_id: uuid.UUID
    origin: str


def issue(company: CompanyRef, visitor_id: uuid.UUID, visit_id: uuid.UUID, origin: str) -> str:
    """A token that lives MAX_AGE_SECONDS; `origin` is the website the visit is on."""
    return signing.dumps([visitor_id.hex, visit_id.hex, origin], salt=_salt(company))


def read(company: CompanyRef, token: str) -> VisitorToken:
    """What `issue` was given for the same company. Raises BadToken on anything else."""
    try:
        visitor, visit, origin = signing.loads(token, salt=_salt(company), max_age=MAX_AGE_SECONDS)
    except signing.BadSignature:
        raise BadToken from None
    return VisitorToken(uuid.UUID(visitor), uuid.UUID(visit), origin)


def _salt(company: CompanyRef) -> str:
    return f"visitor-token:{company.id}"
