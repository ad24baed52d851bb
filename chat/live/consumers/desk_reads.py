"""What a desk socket reads when it opens."""

import contextlib
import dataclasses
import datetime
import uuid
from collections.abc import Iterable

from django.utils import timezone

from chat.live.consumers.desk_access import DeskAccess
from chat.live.protocol.server import AgentStatus, ConversationState
from chat.live.render import agent_status
from chat.queries import snapshot
from routing import interface as routing
from tenants import audit
from tenants.actor import Actor
from tenants.context import in_company
from tenants.errors import NotFound
from tenants.models import AuditEvent, User, Verb
from tenants.resolution import CompanyRef

# Reading along within this time after a reading on record is the same reading: the page has just
# opened the chat, or its line was cut.
ONE_READING = datetime.timedelta(hours=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """A conversation that the desk shows; `is_own` False where it only reads along."""

    company: CompanyRef
    id: uuid.UUID
    state: ConversationState
    is_own: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Opening:
    """The agent's status (None: no agent), their conversations and what is offered to them."""

    status: AgentStatus | None
    conversations: list[Shown]
    offers: list[routing.OfferDecision]


def opening(access: DeskAccess, resumed: Iterable[str]) -> Opening:
    """Everything of the first answer; the agent counts as present from now on.

    `resumed` are the keys of conversations that the page shows already; those that are not (or no
    longer) theirs to see are left out. Queries: 4 for an agent, and 3 a company, and 1 or 2 for
    each that is watched.
    """
    user = access.user
    by_company: dict[CompanyRef, set[uuid.UUID]] = {}
    if access.is_agent:
        routing.renew_lease(agent_id=user.pk)
        for ref in routing.open_assignments(user.pk):
            served = access.company_by_id(ref.company_id)
            if served is not None:
                by_company.setdefault(served, set()).add(ref.conversation_id)
    for key in resumed:
        with contextlib.suppress(NotFound):
            company, conversation_id = access.target(key)
            by_company.setdefault(company, set()).add(conversation_id)
    shown: list[Shown] = []
    for company, ids in by_company.items():
        with in_company(company):
            shown += _shown(access, company, ids)
    return Opening(
        status=agent_status(routing.agent_state(user.pk)) if access.is_agent else None,
        conversations=shown,
        offers=routing.pending_offers(user.pk) if access.is_agent else [],
    )


def resumable(access: DeskAccess, company: CompanyRef, conversation_id: uuid.UUID) -> Shown:
    """A conversation that the person takes part in or may read along, which is audited.

    Runs inside the company. Raises NotFound.
    """
    shown = _shown(access, company, {conversation_id})
    if not shown:
        raise NotFound
    return shown[0]


def _shown(access: DeskAccess, company: CompanyRef, ids: set[uuid.UUID]) -> list[Shown]:
    shown = []
    for pk, state in snapshot.for_desk(company, ids).items():
        is_own = state.agent is not None and state.agent.id == access.user.pk
        if not is_own:
            if not access.supervises(company.slug) or state.state == "closed":
                continue
            _note_reading(access.user, company, pk)
        shown.append(Shown(company, pk, state, is_own))
    return shown


def _note_reading(user: User, company: CompanyRef, conversation_id: uuid.UUID) -> None:
    """Audit that somebody begins to read along, unless that belongs to a reading on record."""
    on_record = AuditEvent.objects.filter(
        company_id=company.id,
        target_kind="conversation",
        target_id=str(conversation_id),
        verb=Verb.TRANSCRIPT_READ,
        actor_id=user.pk,
        at__gt=timezone.now() - ONE_READING,
    )
    if on_record.exists():
        return
    audit.record(
        company_id=company.id,
        actor=Actor.person(user),
        verb=Verb.TRANSCRIPT_READ,
        target_kind="conversation",
        target_id=conversation_id,
        live=True,
    )
