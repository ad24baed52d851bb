"""What stands in the lists of the desk: an agent's live conversations, company after company."""

import dataclasses
import datetime
import uuid
from collections.abc import Iterable

from django.db.models import (
    BigIntegerField,
    Count,
    DateTimeField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce
from psycopg import sql

from chat.models import Conversation, Event
from chat.queries.desk_companies import DeskCompany
from chat.queries.event_bodies import readable
from tenants.context import in_company
from tenants.many_schemas import rows_of_many
from tenants.models import User
from tenants.resolution import CompanyRef

# A list longer than this helps nobody; the oldest wait on top.
QUEUE_SHOWN = 50
_IS_BUSY = sql.SQL(
    "SELECT {schema} WHERE EXISTS (SELECT FROM {table}"
    " WHERE state <> 'closed' AND (state = 'queued' OR agent_id = ANY(%s)))"
)


@dataclasses.dataclass(frozen=True, slots=True)
class InboxRow:
    """One conversation in a list.

    What was said is filled for the agent's own conversations only: a list is no transcript, and
    nobody reads a company's chat from the queue. Who it is, also for who supervises the company,
    but where health records are at stake: there a list names nobody who is not one's own.
    """

    company: CompanyRef
    id: uuid.UUID
    state: str
    agent_id: uuid.UUID | None
    visitor_id: uuid.UUID
    visitor_name: str
    started_at: datetime.datetime
    waiting_since: datetime.datetime | None
    last_message_at: datetime.datetime
    last_text: str
    last_author: str
    unread: int
    last_seq: int

    @property
    def key(self) -> str:
        return f"{self.company.slug}/{self.id}"


@dataclasses.dataclass(frozen=True, slots=True)
class Inbox:
    """`mine`: needing a reply first (longest waiting on top), then the latest; `queue`: of the
    `queued` that wait, the first QUEUE_SHOWN, oldest first; `watched`: other agents' conversations
    that a supervisor may look at."""

    mine: list[InboxRow]
    queue: list[InboxRow]
    queued: int
    watched: list[InboxRow]


def inbox(*, user: User, companies: Iterable[DeskCompany]) -> Inbox:
    """The open conversations at `user`'s desk.

    Queries: 1 for the companies where nothing stands in a list (see `rows_of_many`); 1 for each
    other one, 2 where the agent has conversations of their own; none a conversation.
    """
    companies = list(companies)
    asked = {company.ref.schema_name: [user.pk] for company in companies if not company.supervises}
    busy = {schema for (schema,) in rows_of_many(_IS_BUSY, "chat_conversation", asked)}
    rows: list[InboxRow] = []
    for company in companies:
        if company.supervises or company.ref.schema_name in busy:
            with in_company(company.ref):
                rows += _rows(user, company)
    mine = [row for row in rows if row.state == "assigned" and row.agent_id == user.pk]
    queue = sorted((row for row in rows if row.state == "queued"), key=lambda row: row.started_at)
    watched = [row for row in rows if row.state == "assigned" and row.agent_id != user.pk]
    return Inbox(
        mine=sorted(mine, key=_needs_reply_first),
        queue=queue[:QUEUE_SHOWN],
        queued=len(queue),
        watched=sorted(watched, key=_needs_reply_first),
    )


def _needs_reply_first(row: InboxRow) -> tuple[bool, float]:
    if row.waiting_since is not None:
        return False, row.waiting_since.timestamp()
    return True, -row.last_message_at.timestamp()


def _rows(user: User, company: DeskCompany) -> list[InboxRow]:
    seen = Q(state=Conversation.State.QUEUED) | Q(agent_id=user.pk)
    if company.supervises:
        seen |= Q(state=Conversation.State.ASSIGNED)
    conversations = list(
        _with_waiting(Conversation.objects.exclude(state=Conversation.State.CLOSED).filter(seen))
        .select_related("visitor")
        .order_by("started_at")
    )
    own = {c.pk for c in conversations if c.agent_id == user.pk and c.state == "assigned"}
    last = _last_messages(own) if own else {}
    names_all = company.supervises and not company.ref.health_care_mode
    rows = []
    for conversation in conversations:
        text, author = last.get(conversation.pk, ("", ""))
        is_own = conversation.pk in own
        rows.append(
            InboxRow(
                company=company.ref,
                id=conversation.pk,
                state=conversation.state,
                agent_id=conversation.agent_id,
                visitor_id=conversation.visitor_id,
                visitor_name=conversation.visitor.name if is_own or names_all else "",
                started_at=conversation.started_at,
                waiting_since=conversation.waiting_since,  # type: ignore[attr-defined]
                last_message_at=conversation.last_message_at or conversation.started_at,
                last_text=text,
                last_author=author,
                unread=conversation.unread if is_own else 0,  # type: ignore[attr-defined]
                last_seq=conversation.last_seq,
            )
        )
    return rows


def _with_waiting(conversations: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Adds `waiting_since` (first visitor's message without an answer) and `unread`."""
    messages = Event.objects.filter(conversation=OuterRef("pk"), kind=Event.Kind.MESSAGE)
    answered = (
        messages.filter(author_kind=Event.AuthorKind.AGENT)
        .order_by()
        .values("conversation")
        .annotate(found=Max("seq"))
        .values("found")
    )
    from_visitor = messages.filter(author_kind=Event.AuthorKind.VISITOR).order_by()
    unanswered = (
        from_visitor.filter(seq__gt=OuterRef("answered_seq"))
        .values("conversation")
        .annotate(found=Min("at"))
        .values("found")
    )
    unread = (
        from_visitor.filter(seq__gt=OuterRef("desk_seen_seq"))
        .values("conversation")
        .annotate(found=Count("pk"))
        .values("found")
    )
    return conversations.annotate(
        answered_seq=Coalesce(Subquery(answered, output_field=BigIntegerField()), 0),
    ).annotate(
        waiting_since=Subquery(unanswered, output_field=DateTimeField()),
        unread=Coalesce(Subquery(unread, output_field=BigIntegerField()), 0),
    )


def _last_messages(conversations: set[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str]]:
    events = (
        Event.objects.filter(conversation__in=conversations, kind=Event.Kind.MESSAGE)
        .order_by("conversation", "-seq")
        .distinct("conversation")
    )
    return {
        event.conversation_id: (event.body.get("text", ""), event.author_kind)
        for event in readable(events)
    }
