"""Accepting, declining and expiring offers. One winner: a conditional UPDATE and its row count."""

import datetime
import uuid

from django.db import transaction
from django.db.models import Case, F, Q, Value, When

from routing import policy
from routing.actions.load import close_offer, cool_down, lock_agent, lock_entry
from routing.clock import database_now
from routing.errors import OfferGone
from routing.models import (
    AgentProfile,
    Assignment,
    AwayReason,
    Grant,
    Offer,
    PresenceChange,
    QueueEntry,
)
from routing.values import AcceptedOffer, ClosedOffer


def accept(
    *, offer_id: uuid.UUID, agent_id: uuid.UUID, now: datetime.datetime | None = None
) -> AcceptedOffer:
    """Assign the offered conversation to the agent, in the caller's transaction.

    Raises OfferGone when the offer is not theirs, not live or too old, or when they may not serve
    the company any more. Accepted twice by the same agent: the same answer, marked `repeated`.
    """
    with transaction.atomic():
        offer, entry = _offer_and_entry(offer_id, agent_id)
        now = now or database_now()
        answer = AcceptedOffer(entry.company_id, entry.conversation_id, agent_id)
        if offer.state == Offer.State.ACCEPTED and _holds(offer):
            return AcceptedOffer(entry.company_id, entry.conversation_id, agent_id, repeated=True)
        agent = lock_agent(agent_id)
        if not _may_serve(agent, entry, now):
            raise OfferGone
        accepted = Offer.objects.filter(
            pk=offer_id, agent_id=agent_id, state=Offer.State.OFFERED, expires_at__gt=now
        ).update(state=Offer.State.ACCEPTED, decided_at=now)
        if not accepted:
            raise OfferGone
        Assignment.objects.create(entry=entry, agent=agent, offer=offer, started_at=now)
        QueueEntry.objects.filter(pk=entry.pk, state=QueueEntry.State.OFFERED).update(
            state=QueueEntry.State.ASSIGNED, blocked_reason="", excluded_agents=[]
        )
        today = now.astimezone(datetime.UTC).date()
        # Fairness counts what was taken, not what was offered.
        AgentProfile.objects.filter(pk=agent_id).update(
            misses=0,
            last_assigned_at=now,
            counted_on=today,
            taken=Case(When(counted_on=today, then=F("taken") + 1), default=Value(1)),
        )
        return answer


def decline(
    *, offer_id: uuid.UUID, agent_id: uuid.UUID, now: datetime.datetime | None = None
) -> ClosedOffer:
    """Say no to an offer: it goes to somebody else, and the agent has a short cool-down.

    Raises OfferGone when the offer is not theirs or not live.
    """
    with transaction.atomic():
        offer, entry = _offer_and_entry(offer_id, agent_id)
        now = now or database_now()
        closed = close_offer(
            offer,
            entry,
            state=Offer.State.DECLINED,
            now=now,
            exclude=True,
            cool_down_until=cool_down(now),
            misses=0,
        )
        if closed is None:
            raise OfferGone
        return closed


def expire_offers(*, now: datetime.datetime | None = None) -> list[ClosedOffer]:
    """Take back the offers whose time is up or whose agent's connection is lost, each for itself.

    The second miss in a row sets the agent's status to "missed". An offer to be accepted by itself
    that was left lying is no fault of the agent.
    """
    moment = now or database_now()
    due = Offer.objects.filter(state=Offer.State.OFFERED).filter(
        Q(expires_at__lte=moment) | Q(agent__lease_expires_at__lte=moment)
    )
    closed = []
    for offer_id in list(due.values_list("pk", flat=True)):
        one = _expire(offer_id, moment)
        if one is not None:
            closed.append(one)
    return closed


def withdraw_offers(
    *, agent_id: uuid.UUID, company_id: uuid.UUID | None = None
) -> list[ClosedOffer]:
    """Take back an agent's live offers, of one company or all: they are not there for them."""
    offers = Offer.objects.filter(agent_id=agent_id, state=Offer.State.OFFERED)
    if company_id is not None:
        offers = offers.filter(entry__company_id=company_id)
    closed = []
    for offer in list(offers):
        with transaction.atomic():
            entry = lock_entry(pk=offer.entry_id)
            if entry is None:
                continue
            one = close_offer(
                offer, entry, state=Offer.State.WITHDRAWN, now=database_now(), exclude=False
            )
            if one is not None:
                closed.append(one)
    return closed


def _expire(offer_id: uuid.UUID, now: datetime.datetime) -> ClosedOffer | None:
    with transaction.atomic():
        entry = (
            QueueEntry.objects.select_for_update(no_key=True, skip_locked=True)
            .filter(offers=offer_id)
            .first()
        )
        if entry is None:
            return None
        offer = Offer.objects.get(pk=offer_id)
        agent = lock_agent(offer.agent_id)
        if offer.state != Offer.State.OFFERED:
            return None
        if offer.expires_at > now or offer.auto_accept:
            return close_offer(offer, entry, state=Offer.State.WITHDRAWN, now=now, exclude=False)
        misses = agent.misses + 1
        missing = misses >= policy.MISSES_ALLOWED and agent.status == AgentProfile.Status.AVAILABLE
        closed = close_offer(
            offer,
            entry,
            state=Offer.State.EXPIRED,
            now=now,
            exclude=True,
            cool_down_until=cool_down(now),
            misses=misses,
        )
        if missing:
            set_missed(agent, now)
        return closed


def set_missed(agent: AgentProfile, now: datetime.datetime) -> None:
    status = AgentProfile.Status.MISSED
    AgentProfile.objects.filter(pk=agent.pk).update(
        status=status, away_reason=AwayReason.MISSED, status_since=now
    )
    PresenceChange.objects.create(agent=agent, at=now, status=status, reason=AwayReason.MISSED)


def _offer_and_entry(offer_id: uuid.UUID, agent_id: uuid.UUID) -> tuple[Offer, QueueEntry]:
    """The agent's own offer, read under the lock of its entry."""
    entry = lock_entry(pk__in=Offer.objects.filter(pk=offer_id, agent_id=agent_id).values("entry"))
    if entry is None:
        raise OfferGone
    return Offer.objects.get(pk=offer_id), entry


def _holds(offer: Offer) -> bool:
    return Assignment.objects.filter(offer=offer, ended_at=None).exists()


def _may_serve(agent: AgentProfile, entry: QueueEntry, now: datetime.datetime) -> bool:
    cleared = agent.cleared_until is not None and agent.cleared_until > now
    if not cleared and (entry.requires_clearance or entry.company.health_care_mode):
        return False
    return Grant.objects.in_force().filter(agent=agent, company_id=entry.company_id).exists()
