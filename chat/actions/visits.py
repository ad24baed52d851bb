"""A visitor opens the chat: known again or new, their visit goes on or begins."""

import dataclasses
import datetime
import uuid

from django.db import transaction
from django.utils import timezone

from chat.models import Visit, Visitor
from tenants import tokens
from tenants.resolution import CompanyRef

# Somebody who comes back later than this begins another visit.
VISIT_GAP = datetime.timedelta(minutes=30)


@dataclasses.dataclass(frozen=True, slots=True)
class Begun:
    """`secret` goes into the visitor's cookie."""

    visitor_id: uuid.UUID
    visit_id: uuid.UUID
    secret: str
    is_new: bool


def begin(
    *,
    company: CompanyRef,
    secret: str | None,
    origin: str,
    user_agent: str,
    now: datetime.datetime | None = None,
) -> Begun:
    """Find the visitor of `secret`, or store a new one, and their visit on `origin`.

    Runs inside the company. In health-care mode the browser's name is not kept.
    """
    at = now or timezone.now()
    with transaction.atomic():
        visitor = (
            Visitor.objects.select_for_update(no_key=True)
            .filter(secret_digest=tokens.digest(secret))
            .first()
            if secret
            else None
        )
        if visitor is None or secret is None:
            secret = tokens.new_token()
            visitor = Visitor.objects.create(secret_digest=tokens.digest(secret))
            visit = None
        else:
            visit = _running_visit(visitor, origin, at)
            Visitor.objects.filter(pk=visitor.pk).update(last_seen_at=at)
        is_new = visit is None
        if visit is None:
            visit = Visit.objects.create(
                visitor=visitor,
                origin=origin,
                user_agent="" if company.health_care_mode else user_agent[:500],
            )
    return Begun(visitor.pk, visit.pk, secret, is_new)


def _running_visit(visitor: Visitor, origin: str, at: datetime.datetime) -> Visit | None:
    if visitor.last_seen_at < at - VISIT_GAP:
        return None
    return Visit.objects.filter(visitor=visitor, origin=origin).order_by("-started_at").first()
