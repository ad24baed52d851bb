"""How long a chat waits for its offer, and how many chats a second can start.

200 agents serve 300 companies; 20 chats arrive a second, at random moments kept whether or not the
service keeps up; agents accept when the offer reaches them and hold each chat for a while. The wait
runs from the planned arrival to the offer's frame on the bus.
"""

import contextlib
import random
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import django
import redis

AGENTS, COMPANIES, AGENTS_EACH = 200, 300, 10
ARRIVALS_A_SECOND, SECONDS, HELD_SECONDS = 20, 20, 8
STARTED, STARTERS = 400, 4


def main() -> None:
    django.setup()
    from tests.benchmarks.result import publish

    chance = random.Random(7)
    _make_companies_and_agents(chance)
    waits, left = _arrivals(chance)
    started_a_second, offered_a_second = _starts()
    publish(
        "routing",
        figures={
            "enqueue to offer p50 ms": statistics.median(waits) * 1000,
            "enqueue to offer p95 ms": statistics.quantiles(waits, n=20)[-1] * 1000,
            "enqueue to offer p99 ms": statistics.quantiles(waits, n=100)[-1] * 1000,
            "chats without an offer": left,
            "chats started a second": started_a_second,
            "chats started and offered a second": offered_a_second,
        },
        targets={
            "enqueue to offer p50 ms": ("<", 100),
            "enqueue to offer p95 ms": ("<", 500),
            "chats without an offer": ("<=", 0),
            "chats started and offered a second": (">=", 200),
        },
        context={
            "agents": AGENTS,
            "companies": COMPANIES,
            "arrivals a second": ARRIVALS_A_SECOND,
            "seconds": SECONDS,
            "starters": STARTERS,
        },
    )


def _make_companies_and_agents(chance: random.Random) -> None:
    """Companies as routing knows them: rows, since it never enters a schema."""
    from routing import interface as routing
    from routing.models import Grant
    from tenants.models import Company, Membership, Role, User

    routing.create_skill(key="sales", name="Sales")
    companies = Company.objects.bulk_create(
        Company(
            name=f"Company {n}",
            slug=f"company{n}",
            schema_name=f"t_{uuid.uuid4().hex}",
            state=Company.State.ACTIVE,
        )
        for n in range(COMPANIES)
    )
    agents = [_agent(f"agent{n}", capacity=4) for n in range(AGENTS)]
    for agent in chance.sample(agents, AGENTS // 2):
        routing.add_skill(agent_id=agent.pk, key="sales", level=chance.randint(1, 5))
    served = [
        (agent, company) for company in companies for agent in chance.sample(agents, AGENTS_EACH)
    ]
    Membership.objects.bulk_create(
        Membership(user=agent, company=company, role=Role.AGENT) for agent, company in served
    )
    Grant.objects.bulk_create(
        Grant(agent_id=agent.pk, company=company) for agent, company in served
    )
    assert User.objects.count() == AGENTS


def _agent(name: str, *, capacity: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from routing import interface as routing
    from tenants.models import User

    user = User.objects.create(email=f"{name}@agents.example", name=name)
    routing.create_agent(user_id=user.pk, capacity=capacity)
    routing.set_status(agent_id=user.pk, status="available")
    routing.renew_lease(agent_id=user.pk, seconds=3600)
    return user


def _arrivals(chance: random.Random) -> tuple[list[float], int]:
    """Seconds from arrival to offer of each chat, and how many had none."""
    from chat.actions import waker
    from routing import interface as routing
    from tenants.models import Company

    companies = list(Company.objects.values_list("pk", flat=True))
    planned: dict[uuid.UUID, float] = {}
    waits: dict[uuid.UUID, float] = {}
    answers = ThreadPoolExecutor(2)
    ends: list[tuple[float, uuid.UUID, uuid.UUID]] = []

    def answer(offer_id: uuid.UUID, agent_id: uuid.UUID) -> None:
        with contextlib.suppress(routing.OfferGone):
            taken = routing.accept(offer_id=offer_id, agent_id=agent_id)
            ends.append((time.monotonic() + HELD_SECONDS, taken.company_id, taken.conversation_id))

    def arrive(conversation_id: uuid.UUID, company_id: uuid.UUID, skilled: bool) -> None:
        skills = (routing.SkillNeed("sales"),) if skilled else ()
        routing.enqueue(
            company_id=company_id, conversation_id=conversation_id, preferred_skills=skills
        )
        waker.wake()

    def rings(
        offer_id: uuid.UUID, agent_id: uuid.UUID, conversation_id: uuid.UUID, at: float
    ) -> None:
        waits[conversation_id] = at - planned[conversation_id]
        answers.submit(answer, offer_id, agent_id)

    with _hearing_offers(rings), ThreadPoolExecutor(2) as doors:
        moment, stop = time.monotonic(), time.monotonic() + SECONDS
        while moment < stop:
            moment += chance.expovariate(ARRIVALS_A_SECOND)
            time.sleep(max(0.0, moment - time.monotonic()))
            conversation_id = uuid.uuid4()
            planned[conversation_id] = moment
            skilled = chance.random() < 0.3
            doors.submit(arrive, conversation_id, chance.choice(companies), skilled)
            while ends and ends[0][0] < time.monotonic():
                _, company_id, ended = ends.pop(0)
                doors.submit(routing.end, company_id=company_id, conversation_id=ended)
                doors.submit(waker.wake)
        time.sleep(2)
    answers.shutdown()
    return list(waits.values()), len(planned) - len(waits)


@contextlib.contextmanager
def _hearing_offers(
    told: Callable[[uuid.UUID, uuid.UUID, uuid.UUID, float], None],
) -> Iterator[None]:
    """Tell of each offer that reaches the bus: its id, agent, conversation, and the moment."""
    import msgspec
    from django.conf import settings

    from chat.live import wire

    client = redis.Redis.from_url(settings.REDIS_URL)
    bus = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    bus.subscribe(wire.channel_name(settings.REDIS_PREFIX))
    bus.get_message(timeout=1)
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            message = bus.get_message(timeout=0.2)
            if message is None:
                continue
            at = time.monotonic()
            for group, content in wire.decode(message["data"]).groups:
                frame = msgspec.json.decode(content["text"]) if "text" in content else {}
                if frame.get("type") == "offer":
                    agent = uuid.UUID(group.removeprefix("agent."))
                    conversation = uuid.UUID(frame["conversation"].rpartition("/")[2])
                    told(uuid.UUID(frame["offer"]), agent, conversation, at)

    listener = threading.Thread(target=listen)
    listener.start()
    yield
    over.set()
    listener.join()
    client.close()


def _starts() -> tuple[float, float]:
    """Chats a second that visitors start, and that are started and offered, in one process."""
    from django.db import connection

    from chat.actions import conversations, waker
    from chat.live.protocol.visitor import StartFields
    from chat.models import Visitor
    from routing import interface as routing
    from routing import policy
    from routing.models import Offer
    from tenants.actions.memberships import add_member
    from tenants.actions.provisioning import provision_company
    from tenants.actor import SYSTEM
    from tenants.context import in_company
    from tenants.models import Role, User
    from tenants.resolution import CompanyRef

    company = CompanyRef.of(
        provision_company(
            actor=SYSTEM,
            name="Busy Motors",
            slug="busy-motors",
            website="https://busy.example",
            time_zone="UTC",
            vertical="general",
            owner=User.objects.create(email="owner@busy.example"),
        )
    )
    for number in range(STARTED // 20 + 5):
        agent = _agent(f"busy{number}", capacity=20)
        add_member(company=company, user=agent, role=Role.AGENT, actor=SYSTEM)
        routing.grant(agent_id=agent.pk, company_id=company.id)
    with in_company(company):
        visitors = Visitor.objects.bulk_create(
            Visitor(secret_digest=uuid.uuid4().hex) for _ in range(STARTED)
        )
    # Nobody answers here, and no offer may lapse on a slow machine.
    policy.ACCEPT_SECONDS = 600
    before = Offer.objects.count()

    def start(mine: list[Visitor]) -> None:
        for visitor in mine:
            conversations.start(
                company=company,
                visitor_id=visitor.pk,
                start_id=uuid.uuid4(),
                fields=StartFields(),
                text="Do you have this in blue?",
                visit_id=None,
            )
        connection.close()

    threads = [
        threading.Thread(target=start, args=(visitors[n::STARTERS],)) for n in range(STARTERS)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    started = time.monotonic() - began
    while Offer.objects.count() < before + STARTED:
        time.sleep(0.01)
        if time.monotonic() - began > 60:
            raise SystemExit("Not every chat was offered.")
    offered = time.monotonic() - began
    assert waker.wait_until_idle(10)
    return STARTED / started, STARTED / offered


if __name__ == "__main__":
    main()
