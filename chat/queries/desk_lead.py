"""The lead of a conversation at the desk, for apps that know more of it than chat does."""

import dataclasses
import uuid

from chat.models import Lead
from chat.queries.desk_companies import desk_companies, desk_company
from tenants.context import in_company
from tenants.errors import NotFound
from tenants.models import User
from tenants.resolution import CompanyRef


@dataclasses.dataclass(frozen=True, slots=True)
class LeadAtDesk:
    """A lead by its id and newest revision, and whose it is."""

    company: CompanyRef
    lead_id: uuid.UUID
    revision: int


def lead_at_desk(*, user: User, slug: str, conversation_id: uuid.UUID) -> LeadAtDesk:
    """The lead of one of the person's own conversations, open or ended. Queries: 3.

    Raises Forbidden for who has no desk, and NotFound for what is not theirs or has no lead.
    """
    company = desk_company(desk_companies(user), slug).ref
    with in_company(company):
        lead = Lead.objects.filter(
            conversation_id=conversation_id, conversation__agent_id=user.pk
        ).first()
    if lead is None:
        raise NotFound
    return LeadAtDesk(company, lead.pk, lead.revision)
