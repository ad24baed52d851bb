"""The two demo companies: look, hours, replies, people, skills, CRM connections."""

import dataclasses
import datetime
import io
import zoneinfo

from django.db import transaction
from django.utils import timezone
from PIL import Image, ImageDraw

from chat.actions import branding, hours, websites
from chat.models import Branding, CannedReply, Conversation, HoursException, OpenInterval
from chat.office_hours import DayException, Interval
from config.demo import history
from config.demo.people import DANIEL, MAYA, OLIVIA, PRIYA, SOFIA, TOM, DemoPerson, store
from crm_sync import interface as crm_sync
from crm_sync.models import Connection
from routing import interface as routing
from tenants import resolution
from tenants.actions.memberships import AlreadyMember, add_member
from tenants.actions.provisioning import provision_company
from tenants.actor import SYSTEM
from tenants.addresses import platform_url
from tenants.context import in_company
from tenants.models import Company, Role, User
from tenants.resolution import CompanyRef

CLEARED_FOR = datetime.timedelta(days=365)


@dataclasses.dataclass(frozen=True, slots=True)
class DemoCompany:
    """`hours`: (first weekday, last weekday, opens, closes), Monday is 0."""

    name: str
    slug: str
    vertical: Company.Vertical
    time_zone: str
    owner: DemoPerson
    staff: tuple[tuple[DemoPerson, Role], ...]
    colour: str
    greeting: str
    hours: tuple[tuple[int, int, str, str], ...]
    replies: tuple[tuple[str, str, str], ...]
    connections: tuple[tuple[str, str, dict[str, str]], ...]
    chats_a_week: int
    story: history.Story
    health_care_mode: bool = False
    # Open round the clock on the days it is looked at, whatever the hour where the developer sits.
    is_open_for_the_demo: bool = False


NORTHSIDE = DemoCompany(
    name="Northside Motors",
    slug="northside",
    vertical=Company.Vertical.CAR_DEALERSHIP,
    time_zone="America/Chicago",
    owner=OLIVIA,
    staff=((SOFIA, Role.SUPERVISOR), (MAYA, Role.AGENT), (TOM, Role.AGENT)),
    colour="#b8321f",
    greeting="Hi! Looking for a car, or is yours due for a check? Ask us.",
    is_open_for_the_demo=True,
    hours=((0, 4, "09:00", "12:30"), (0, 4, "13:00", "19:00"), (5, 5, "10:00", "16:00")),
    replies=(
        ("hello", "Greeting", "Hi, and thanks for writing to Northside Motors. How can I help?"),
        (
            "test-drive",
            "Offer a test drive",
            (
                "We would be glad to have it ready for you. Which day and time suit you, and may I "
                "have a phone number in case something comes up?"
            ),
        ),
        (
            "trade-in",
            "Ask about a trade-in",
            (
                "To estimate your trade-in I need the year, make, model and mileage. Is there "
                "anything about its condition we should know?"
            ),
        ),
        ("hours", "Opening hours", "We are open Monday to Friday 9 to 7 and Saturday 10 to 4."),
    ),
    connections=(
        (
            "adf",
            "Dealer CRM (ADF by e-mail)",
            {
                "transport": "email",
                "target": "leads@crm.northside.example",
                "vendor_name": "Northside Motors",
                "comments_limit": "4000",
            },
        ),
    ),
    chats_a_week=34,
    story=history.CARS,
)

BRIGHT_SMILE = DemoCompany(
    name="Bright Smile Dental",
    slug="brightsmile",
    vertical=Company.Vertical.HEALTH_CARE,
    time_zone="America/New_York",
    owner=DANIEL,
    staff=((SOFIA, Role.SUPERVISOR), (MAYA, Role.AGENT)),
    colour="#0f766e",
    greeting="Hello! Would you like an appointment, or do you have a question?",
    hours=((0, 3, "08:00", "18:00"), (4, 4, "08:00", "14:00")),
    replies=(
        ("hello", "Greeting", "Hello, this is Bright Smile Dental. How can we help you today?"),
        (
            "appointment",
            "Offer an appointment",
            (
                "I can ask the front desk for an appointment. Which days suit you, mornings or "
                "afternoons?"
            ),
        ),
        (
            "emergency",
            "Emergency",
            (
                "With severe pain, swelling or bleeding, please call 911 or go to the nearest "
                "emergency room. For urgent dental care call us and press 1."
            ),
        ),
    ),
    connections=(
        ("webhook", "Practice software", {"url": platform_url("/dev/webhook/"), "transcript": ""}),
    ),
    chats_a_week=18,
    story=history.TEETH,
    health_care_mode=True,
)

COMPANIES = (NORTHSIDE, BRIGHT_SMILE)
SKILLS = (("cars", "Cars"), ("service", "Workshop"), ("dental", "Dental"), ("spanish", "Spanish"))


def store_all() -> None:
    """Make what is missing of the demo; what a developer changed stays as it is."""
    store(PRIYA)
    _agents()
    for company in COMPANIES:
        _store(company)


def _agents() -> None:
    for key, name in SKILLS:
        routing.create_skill(key=key, name=name)
    known = (
        (MAYA, 4, (("dental", 5), ("cars", 3), ("spanish", 5))),
        (TOM, 3, (("cars", 5), ("service", 4))),
    )
    for person, capacity, skills in known:
        user = store(person)
        if routing.is_agent(user.pk):
            continue
        routing.create_agent(
            user_id=user.pk, capacity=capacity, cleared_until=timezone.now() + CLEARED_FOR
        )
        for key, level in skills:
            routing.add_skill(agent_id=user.pk, key=key, level=level)


def _store(wanted: DemoCompany) -> None:
    row = Company.objects.filter(slug=wanted.slug).first()
    company = CompanyRef.of(row or _provision(wanted))
    people = {person: store(person) for person, _ in wanted.staff}
    for person, role in wanted.staff:
        try:
            add_member(company=company, user=people[person], role=role, actor=SYSTEM)
        except AlreadyMember:
            continue
        if role == Role.AGENT:
            routing.grant(agent_id=people[person].pk, company_id=company.id)
    with in_company(company):
        # The port may be another than last time.
        websites.allow(company=company, address=platform_url(""), actor=SYSTEM)
        # All of it or nothing: a run that is stopped half-way leaves nothing half-furnished.
        with transaction.atomic():
            _furnish(company, wanted, [user for person, user in people.items() if person != SOFIA])
        if wanted.is_open_for_the_demo:
            _open_today(company)


def _provision(wanted: DemoCompany) -> Company:
    company = provision_company(
        actor=SYSTEM,
        name=wanted.name,
        slug=wanted.slug,
        website=f"https://www.{wanted.slug}.example",
        time_zone=wanted.time_zone,
        vertical=wanted.vertical,
        owner=store(wanted.owner),
    )
    if wanted.health_care_mode:
        Company.objects.filter(pk=company.pk).update(health_care_mode=True)
        company.health_care_mode = True
        resolution.forget(company.pk)
    return company


def _furnish(company: CompanyRef, wanted: DemoCompany, agents: list[User]) -> None:
    if not Branding.objects.exists():
        website = f"https://www.{wanted.slug}.example"
        websites.allow(company=company, address=website, actor=SYSTEM)
        branding.change(
            company=company,
            changes=branding.BrandingChanges(
                name=wanted.name,
                colour=wanted.colour,
                greeting=wanted.greeting,
                offline_message="We are closed right now. Leave a message and we will answer.",
                launcher_label="Chat with us",
                position=Branding.Position.END,
                outside_hours=Branding.OutsideHours.OFFLINE_FORM,
            ),
            actor=SYSTEM,
            logo=_logo(wanted.name[0], wanted.colour),
        )
    if not OpenInterval.objects.exists():
        hours.change(
            company=company,
            zone=wanted.time_zone,
            weekly=[
                Interval(day, _time(opens), _time(closes))
                for first, last, opens, closes in wanted.hours
                for day in range(first, last + 1)
            ],
            exceptions=[DayException(_next_christmas(), name="Christmas Day")],
            actor=SYSTEM,
            since=timezone.now().date(),
        )
    if not CannedReply.objects.exists():
        CannedReply.objects.bulk_create(
            CannedReply(shortcut=s, title=t, body=b) for s, t, b in wanted.replies
        )
    if not Conversation.objects.exists():
        history.write(company, wanted.story, agents=agents, chats_a_week=wanted.chats_a_week)
    if Connection.objects.exists():
        return
    for connector, name, values in wanted.connections:
        connection = crm_sync.create(
            company=company,
            actor=SYSTEM,
            connector=connector,
            name=name,
            values=values,
            baa_reference="BAA-DEMO-1" if wanted.health_care_mode else "",
        )
        # Nothing listens yet while the demo is made, so the test lead is taken as arrived.
        Connection.objects.filter(pk=connection.pk).update(tested_at=timezone.now())
        crm_sync.activate(company=company, actor=SYSTEM, connection_id=connection.pk)


def _open_today(company: CompanyRef) -> None:
    today = timezone.now().astimezone(zoneinfo.ZoneInfo(company.time_zone)).date()
    for date in (today, today + datetime.timedelta(days=1)):
        HoursException.objects.get_or_create(
            date=date,
            defaults={"opens": _time("00:00"), "closes": _time("00:00"), "name": "Open house"},
        )


def _time(text: str) -> datetime.time:
    return datetime.time.fromisoformat(text)


def _next_christmas() -> datetime.date:
    today = timezone.now().date()
    christmas = datetime.date(today.year, 12, 25)
    return christmas if christmas >= today else christmas.replace(year=today.year + 1)


def _logo(letter: str, colour: str) -> bytes:
    picture = Image.new("RGBA", (192, 192))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((0, 0, 191, 191), radius=48, fill=colour)
    draw.text((96, 96), letter, fill="#ffffff", anchor="mm", font_size=120)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
