"""What a desk socket reads when it opens."""

import dataclasses
import uuid

from chat.live.consumers.desk_access import DeskAccess
from chat.live.protocol.server import AgentStatus, ConversationState
from chat.queries import snapshot
from routing import interface as routing
from tenants import audit
from tenants.actor import Actor
from tenants.context import in_company
from tenants.errors import NotFound
from tenants.models import Verb
from tenants.resolution import CompanyRef


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


def opening(access: DeskAccess, resumed: list[tuple[CompanyRef, uuid.UUID]]) -> Opening:
    """Everything of the first answer; the agent counts as present from now on.

    `resumed` are conversations that the page shows already; those that are not (or no longer)
    theirs to see are left out. Queries: 5, and 5 a company.
    """
    user = access.user
    by_company: dict[CompanyRef, set[uuid.UUID]] = {}
    if access.is_agent:
        routing.renew_lease(agent_id=user.pk)
        for ref in routing.open_assignments(user.pk):
            served = access.company_by_id(ref.company_id)
            if served is not None:
                by_company.setdefault(served, set()).add(ref.conversation_id)
    for company, conversation_id in resumed:
        by_company.setdefault(company, set()).add(conversation_id)
    shown: list[Shown] = []
    for company, ids in by_company.items():
        with in_company(company):
            shown += _shown(access, company, ids)
    return Opening(
        status=_status(user.pk) if access.is_agent else None,
        conversations=shown,
        offers=routing.pending_offers(user.pk) if access.is_agent else [],
    )


def may_show(access: DeskAccess, company: CompanyRef, conversation_id: uuid.UUID) -> bool:
    """Whether the person takes part in the conversation (False: may read along, which is audited).

    Runs inside the company. Raises NotFound.
    """
    states = snapshot.for_desk(company, [conversation_id])
    shown = _shown(access, company, set(states))
    if not shown:
        raise NotFound
    return shown[0].is_own


def _shown(access: DeskAccess, company: CompanyRef, ids: set[uuid.UUID]) -> list[Shown]:
    shown = []
    for pk, state in snapshot.for_desk(company, ids).items():
        is_own = state.agent is not None and state.agent.id == access.user.pk
        if not is_own:
            if not access.supervises(company.slug) or state.state == "closed":
                continue
            audit.record(
                company_id=company.id,
                actor=Actor.person(access.user),
                verb=Verb.TRANSCRIPT_READ,
                target_kind="conversation",
                target_id=pk,
                live=True,
            )
        shown.append(Shown(company, pk, state, is_own))
    return shown


def _status(user_id: uuid.UUID) -> AgentStatus:
    state = routing.agent_state(user_id)
    return AgentStatus(
        status=state.status,  # type: ignore[arg-type]
        since=state.since,
        load=state.load,
        capacity=state.capacity,
        reason=state.reason,
    )
