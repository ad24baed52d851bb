"""Four weeks of chats that are over, the same on every machine but for their dates."""

import dataclasses
import datetime
import hashlib
import random
import uuid
import zoneinfo
from typing import Any

from django.utils import timezone

from chat import office_hours
from chat.actions import leads
from chat.live.message_rows import encode_body
from chat.models import Conversation, Event, Visit, Visitor
from chat.queries import availability
from tenants import crypto
from tenants.actor import Actor
from tenants.models import User
from tenants.resolution import CompanyRef

WEEKS = 4
# Chats by the local hour: few at night, most before noon and after work.
_HOURS = (1, 1, 0, 0, 0, 1, 2, 5, 9, 14, 16, 15, 10, 11, 12, 12, 11, 13, 12, 9, 7, 5, 3, 2)
_DAYS = (10, 11, 10, 10, 12, 8, 4)
_VISITS_PER_CHAT = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Dialogue:
    """Lines in turn, the visitor's first; `lead` makes one of it."""

    lines: tuple[str, ...]
    page: str
    disposition: str
    lead: dict[str, str] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    people: tuple[str, ...]
    dialogues: tuple[Dialogue, ...]


CARS = Story(
    people=(
        "James Carter", "Linda Park", "Marcus Hill", "Ana Morales", "Priscilla Wood",
        "Dean Foster", "Noor Haddad", "Greg Sandoval", "Hannah Blum", "Victor Chen",
        "Ruth Abara", "Kyle Jensen",
    ),
    dialogues=(
        Dialogue(
            (
                "Is the blue 2024 Civic still there?",
                "It is, with 8,200 miles on it. Would you like to see it?",
                "Yes, Saturday maybe. What would the payments be?",
                "With 3,000 down about 389 a month over 60 months. Saturday at 11?",
                "11 works.",
                "You are booked. Ask for Tom at the front desk.",
            ),
            "/used/2024-honda-civic",
            "lead",
            {
                "interest": "2024 Honda Civic, blue",
                "timeframe": "this Saturday",
                "vehicle_interest": "test-drive",
                "vehicle_status": "used",
                "vehicle_year": "2024",
                "vehicle_make": "Honda",
                "vehicle_model": "Civic",
            },
        ),
        Dialogue(
            (
                "What can I get for a 2017 Escape with 96k miles?",
                "Between 7,500 and 9,000, depending on its condition. Any accidents?",
                "One small one in 2020, repaired.",
                "Then bring it by and we will give you a firm number in twenty minutes.",
            ),
            "/trade-in",
            "lead",
            {
                "interest": "Trade-in of a Ford Escape",
                "trade_in_year": "2017",
                "trade_in_make": "Ford",
                "trade_in_model": "Escape",
            },
        ),
        Dialogue(
            (
                "Do you do oil changes without an appointment?",
                "Monday to Friday until 5. Before 10 there is hardly a wait.",
                "Great, thanks!",
            ),
            "/service",
            "answered",
        ),
        Dialogue(
            ("Are you open on Sundays?", "We are not, but online you can book for Monday."),
            "/contact",
            "answered",
        ),
        Dialogue(
            ("Hello?", "Hi! How can I help you?"), "/", "no_reply"
        ),
    ),
)  # fmt: skip

TEETH = Story(
    people=(
        "Karen Ellis", "Joseph Mbeki", "Tanya Brooks", "Paul Nguyen", "Maria Santos",
        "Owen Clarke", "Leila Rahman", "Frank Doyle",
    ),
    dialogues=(
        Dialogue(
            (
                "Do you take new patients?",
                "We do. Would mornings or afternoons suit you?",
                "Mornings, next week if possible.",
                "I have asked the front desk to call you with two times.",
            ),
            "/",
            "lead",
            {"interest": "First appointment", "timeframe": "next week, mornings"},
        ),
        Dialogue(
            (
                "Which insurances do you accept?",
                "Most PPO plans. If you tell me which is yours, I will check.",
                "Delta Dental PPO",
                "That one we take.",
            ),
            "/insurance",
            "answered",
        ),
        Dialogue(
            (
                "I need to move my cleaning on Thursday.",
                "I will pass it on. Which day would be better?",
                "Any day the week after.",
                "Noted. The front desk confirms it by phone today.",
            ),
            "/appointments",
            "lead",
            {"interest": "Move a cleaning", "timeframe": "the week after next"},
        ),
        Dialogue(
            ("Is there parking?", "Yes, behind the building, free for two hours."),
            "/contact",
            "answered",
        ),
    ),
)  # fmt: skip


def write(company: CompanyRef, story: Story, *, agents: list[User], chats_a_week: int) -> None:
    """Store the story's chats, visits and leads. Runs inside the company."""
    chance = random.Random(company.slug)  # noqa: S311  a story, not a secret
    schedule = availability.stored_schedule(company, since=datetime.date(2000, 1, 1))
    zone = zoneinfo.ZoneInfo(company.time_zone)
    moments = _moments(chance, zone, chats_a_week * WEEKS)
    for number, at in enumerate(moments):
        dialogue = story.dialogues[chance.randrange(len(story.dialogues))]
        name = story.people[chance.randrange(len(story.people))]
        visitor = _visitor(company, name, number)
        visit = _visit(company, visitor, dialogue.page)
        Visit.objects.filter(pk=visit.pk).update(started_at=at - datetime.timedelta(minutes=2))
        is_open = office_hours.is_open(schedule, at)
        agent = chance.choice(agents) if is_open else None
        phase = office_hours.phase(schedule, at)
        _conversation(company, visitor, visit, dialogue, at, phase, agent, chance)
    _visits(company, _moments(chance, zone, len(moments) * _VISITS_PER_CHAT))


def _moments(chance: random.Random, zone: zoneinfo.ZoneInfo, count: int) -> list[datetime.datetime]:
    today = timezone.now().astimezone(zone).date()
    days = [today - datetime.timedelta(days=ago) for ago in range(1, WEEKS * 7 + 1)]
    weights = [_DAYS[day.weekday()] for day in days]
    found = []
    for day in chance.choices(days, weights, k=count):
        hour = chance.choices(range(24), _HOURS)[0]
        time = datetime.time(hour, chance.randrange(60), chance.randrange(60))
        found.append(datetime.datetime.combine(day, time, zone))
    return sorted(found)


def _visitor(company: CompanyRef, name: str, number: int) -> Visitor:
    email = f"{name.lower().replace(' ', '.')}@mail.example"
    secret = hashlib.sha256(f"{company.slug} {number} {uuid.uuid4()}".encode()).hexdigest()
    return Visitor.objects.create(
        secret_digest=secret,
        name=name,
        email=email,
        email_index=crypto.blind_index(company.schema_name, "email", crypto.normalise_email(email)),
    )


def _visit(company: CompanyRef, visitor: Visitor, page: str) -> Visit:
    origin = f"https://www.{company.slug}.example"
    url = "" if company.health_care_mode else f"{origin}{page}"
    return Visit.objects.create(visitor=visitor, origin=origin, page_url=url)


def _visits(company: CompanyRef, moments: list[datetime.datetime]) -> None:
    """Visits that led to no chat."""
    visitor = _visitor(company, "Passer By", -1)
    origin = f"https://www.{company.slug}.example"
    visits = Visit.objects.bulk_create(Visit(visitor=visitor, origin=origin) for _ in moments)
    for visit, at in zip(visits, moments, strict=True):
        visit.started_at = at
    Visit.objects.bulk_update(visits, ["started_at"])


def _conversation(
    company: CompanyRef,
    visitor: Visitor,
    visit: Visit,
    dialogue: Dialogue,
    at: datetime.datetime,
    phase: str,
    agent: User | None,
    chance: random.Random,
) -> None:
    lines = dialogue.lines if agent else dialogue.lines[:1]
    visitor_author = {"kind": "visitor", "name": visitor.name, "id": str(visitor.pk)}
    agent_author = {"kind": "agent", "name": agent.shown_name, "id": str(agent.pk)} if agent else {}
    bodies: list[tuple[datetime.datetime, str, dict[str, Any]]] = [
        (at, "conversation.changed", _change("started", "queued", visitor_author))
    ]
    clock = at
    for number, line in enumerate(lines):
        author = agent_author if number % 2 else visitor_author
        bodies.append((clock, "message", {"author": author, "text": line}))
        if number == 0 and agent:
            clock += datetime.timedelta(seconds=chance.randint(4, 70))
            change = _change("assigned", "assigned", agent_author) | {"agent": agent_author}
            bodies.append((clock, "conversation.changed", change))
        clock += datetime.timedelta(seconds=chance.randint(12, 95))
    disposition = dialogue.disposition if agent else ""
    closer = agent_author or visitor_author
    closed = _change("closed", "closed", closer) | ({"disposition": disposition} if agent else {})
    bodies.append((clock, "conversation.changed", closed))
    conversation = Conversation.objects.create(
        visitor=visitor,
        visit=visit,
        start_id=uuid.uuid4(),
        state=Conversation.State.CLOSED,
        phase=phase,
        started_at=at,
        agent=agent,
        assigned_at=bodies[2][0] if agent else None,
        first_reply_at=bodies[3][0] if agent else None,
        closed_at=clock,
        disposition=disposition,
        last_message_at=bodies[-2][0],
        last_seq=len(bodies),
        last_visitor_seq=len(bodies),
        desk_seen_seq=len(bodies),
        visitor_seen_seq=len(bodies),
    )
    Event.objects.bulk_create(
        Event(
            conversation=conversation,
            seq=seq,
            visitor_seq=seq,
            kind=kind,
            author_kind=body["author"]["kind"],
            author_id=uuid.UUID(body["author"]["id"]),
            body=encode_body(body),
            at=moment,
        )
        for seq, (moment, kind, body) in enumerate(bodies, start=1)
    )
    if agent and dialogue.lead and chance.random() < _LEAD_SHARE:
        _lead(company, conversation, visitor, agent, dialogue.lead, clock)


# The rest of the promising ones were never written down.
_LEAD_SHARE = 0.35


def _lead(
    company: CompanyRef,
    conversation: Conversation,
    visitor: Visitor,
    agent: User,
    fields: dict[str, str],
    at: datetime.datetime,
) -> None:
    leads.save(
        company=company,
        conversation_id=conversation.pk,
        client_id=uuid.uuid4(),
        fields={"name": visitor.name, "email": visitor.email, **fields},
        version=0,
        actor=Actor.person(agent),
        agent=agent,
        now=at,
    )
    Event.objects.filter(conversation=conversation, kind="lead.changed").update(at=at)


def _change(change: str, state: str, author: dict[str, Any]) -> dict[str, Any]:
    return {"change": change, "state": state, "author": author}
