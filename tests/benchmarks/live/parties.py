"""Companies, visitors and agents for load, stored directly and in bulk."""

import secrets
import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from chat import visitor_token
from chat.models import AllowedOrigin, Conversation, Visit, Visitor
from tenants.actions.provisioning import provision_company
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.models import Membership, Role, User
from tenants.resolution import CompanyRef

WEBSITE = "https://bench.example"


def make_company(slug: str) -> CompanyRef:
    """A new company with an owner and a website."""
    owner = User.objects.create_user(f"owner-{slug}-{uuid.uuid4().hex[:8]}@bench.example")
    company = CompanyRef.of(
        provision_company(
            actor=SYSTEM,
            name=slug.title(),
            slug=f"{slug}-{uuid.uuid4().hex[:8]}",
            website="",
            time_zone="UTC",
            vertical="general",
            owner=owner,
        )
    )
    with in_company(company):
        AllowedOrigin.objects.create(origin=WEBSITE)
    return company


def make_agents(companies: list[CompanyRef], count: int) -> list[tuple[User, str]]:
    """Agents of all the companies, each with the Cookie header of a session."""
    users = User.objects.bulk_create(
        User(email=f"agent-{uuid.uuid4().hex}@bench.example", name=f"Agent {n}", password="!")
        for n in range(count)
    )
    Membership.objects.bulk_create(
        Membership(user=user, company_id=company.id, role=Role.AGENT)
        for user in users
        for company in companies
    )
    return [(user, _session(user)) for user in users]


def _session(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def make_pairs(
    companies: list[CompanyRef], agents: list[tuple[User, str]], ports: tuple[int, int]
) -> list[dict[str, Any]]:
    """One conversation for each agent; the visitors' server and the agents' by `ports`."""
    pairs = []
    for number, (user, cookie) in enumerate(agents):
        company = companies[number % len(companies)]
        with in_company(company):
            visitor = Visitor.objects.create(secret_digest=secrets.token_hex(32), name="Vera")
            visit = Visit.objects.create(visitor=visitor, origin=WEBSITE)
            conversation = Conversation.objects.create(
                visitor=visitor,
                start_id=uuid.uuid4(),
                phase="during",
                started_at=timezone.now(),
                state="assigned",
                agent=user,
                assigned_at=timezone.now(),
            )
            token = visitor_token.issue(company, visitor.pk, visit.pk, visit.origin)
        host = f"{company.slug}.localhost:{ports[0]}"
        desk_host = f"localhost:{ports[1]}"
        key = f"{company.slug}/{conversation.pk}"
        pairs.append(
            {
                "message": str(conversation.pk),
                "visitor": {
                    "url": f"ws://127.0.0.1:{ports[0]}/ws/visitor/",
                    "headers": {"Host": host, "Origin": f"http://{host}"},
                    "hello": {"type": "hello", "token": token},
                    "ready": '"type":"welcome"',
                },
                "agent": {
                    "url": f"ws://127.0.0.1:{ports[1]}/ws/desk/",
                    "headers": {
                        "Host": desk_host,
                        "Origin": f"http://{desk_host}",
                        "Cookie": cookie,
                    },
                    "hello": {"type": "hello", "resume": {key: 0}},
                    "ready": '"type":"welcome"',
                },
            }
        )
    return pairs


def plain_pairs(count: int, port: int) -> list[dict[str, Any]]:
    """Pairs of a baseline relay."""
    return [
        {
            "message": None,
            **{
                role: {
                    "url": f"ws://127.0.0.1:{port}/{number}/{role}",
                    "headers": {},
                    "hello": None,
                    "ready": '"type":"ready"',
                }
                for role in ("visitor", "agent")
            },
        }
        for number in range(count)
    ]
