import math
import uuid

from django.db.models import Q, Sum

from routing.clock import database_now
from routing.models import AgentProfile, Assignment, Grant, Offer, QueueEntry
from routing.values import OfferDecision, QueuePosition

_QUEUED = (QueueEntry.State.WAITING, QueueEntry.State.OFFERED)
# Ended chats of the company that the estimate is made from; fewer tell nothing.
_HANDLED_LOOKED_AT = 50
_HANDLED_NEEDED = 3


def decision_of(offer: Offer) -> OfferDecision:
    """An offer (its entry loaded) as other apps see it."""
    return OfferDecision(
        offer_id=offer.pk,
        company_id=offer.entry.company_id,
        conversation_id=offer.entry.conversation_id,
        agent_id=offer.agent_id,
        expires_at=offer.expires_at,
        auto_accept=offer.auto_accept,
        skills=tuple(key for key, _ in offer.entry.required_skills),
        why=offer.decision.get("why", ""),
    )


def pending_offers(agent_id: uuid.UUID) -> list[OfferDecision]:
    """The agent's live offers, the oldest first. Queries: 1."""
    live = Offer.objects.filter(agent_id=agent_id, state=Offer.State.OFFERED)
    return [decision_of(o) for o in live.select_related("entry").order_by("offered_at", "pk")]


def offer_of(offer_id: uuid.UUID, agent_id: uuid.UUID) -> OfferDecision | None:
    """The agent's own offer, live or not. Queries: 1."""
    offer = Offer.objects.select_related("entry").filter(pk=offer_id, agent_id=agent_id).first()
    return decision_of(offer) if offer else None


def position(company_id: uuid.UUID, conversation_id: uuid.UUID) -> QueuePosition | None:
    """Where a conversation stands among its company's, and a guess of its wait. None: it waits not.

    The guess divides the mean length of the company's last chats by the places of the agents who
    are there; it is None when nobody is there or too few chats were handled. Queries: 1 to 5.
    """
    entry = QueueEntry.objects.filter(
        company_id=company_id, conversation_id=conversation_id, state__in=_QUEUED
    ).first()
    if entry is None:
        return None
    ahead = QueueEntry.objects.filter(company_id=company_id, state__in=_QUEUED).filter(
        Q(turn_at__lt=entry.turn_at)
        | Q(turn_at=entry.turn_at, enqueued_at__lt=entry.enqueued_at)
        | Q(turn_at=entry.turn_at, enqueued_at=entry.enqueued_at, pk__lt=entry.pk)
    )
    place = ahead.count() + 1
    return QueuePosition(place, _wait(company_id, place))


def _wait(company_id: uuid.UUID, place: int) -> tuple[int, int] | None:
    there = (
        Grant.objects.in_force()
        .filter(
            company_id=company_id,
            agent__status=AgentProfile.Status.AVAILABLE,
            agent__lease_expires_at__gt=database_now(),
        )
        .aggregate(places=Sum("agent__capacity"), load=Sum("agent__load"))
    )
    places, load = there["places"] or 0, there["load"] or 0
    if not places:
        return None
    if place <= places - load:
        return 0, 60
    handled = Assignment.objects.filter(
        entry__company_id=company_id, ended_at__isnull=False
    ).order_by("-ended_at")[:_HANDLED_LOOKED_AT]
    lengths = [
        (ended - started).total_seconds()
        for started, ended in handled.values_list("started_at", "ended_at")
        if ended is not None
    ]
    if len(lengths) < _HANDLED_NEEDED:
        return None
    expected = sum(lengths) / len(lengths) * place / places
    return math.floor(expected * 0.5), math.ceil(expected * 1.5)
