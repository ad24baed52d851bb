"""A sign-up becomes a company: schema, keys, host, owner, all or nothing."""

import re
import uuid

from django.conf import settings
from django.db import IntegrityError, transaction

from tenants import addresses, audit, outbox
from tenants.actions.companies import fill
from tenants.actor import Actor
from tenants.context import in_public
from tenants.errors import Conflict, Invalid, SlugReserved, SlugTaken
from tenants.keyring import store
from tenants.models import Company, Domain, Membership, Role, User, Verb
from tenants.schemas import claim_spare, drop_stale_spares, make_spare, refill_spares

__all__ = ["RESERVED_SLUGS", "drop_stale_spares", "provision_company", "refill_spares"]

# fmt: off
RESERVED_SLUGS = frozenset({
    "about", "account", "accounts", "admin", "api", "app", "apps", "assets", "auth", "beta",
    "billing", "blog", "cdn", "chat", "dashboard", "demo", "desk", "dev", "docs", "download",
    "email", "example", "ftp", "health", "help", "host", "id", "imap", "internal", "legal", "live",
    "local", "localhost", "login", "logout", "mail", "media", "metrics", "monitor", "mx", "news",
    "ns", "ns1", "ns2", "oauth", "operator", "platform", "pop", "portal", "postmaster", "preview",
    "privacy", "public", "register", "root", "security", "service", "services", "setup", "shop",
    "signin", "signup", "smtp", "sso", "staff", "staging", "static", "stats", "status", "store",
    "support", "switchboard", "sys", "system", "test", "tests", "tls", "web", "webhook", "webhooks",
    "webmail", "widget", "wiki", "ws", "www",
})
# fmt: on

# A host label (RFC 1123), without the "--" that punycode and the like give a meaning to.
_SLUG = re.compile(r"[a-z0-9](?:-?[a-z0-9]){1,39}")
_SPARES_TRIED = 5


def provision_company(
    *,
    actor: Actor,
    name: str,
    slug: str,
    website: str,
    time_zone: str,
    vertical: str,
    owner: User,
) -> Company:
    """Return a new, active company that is ready to use, with `owner` as its owner.

    Takes a spare schema; makes one on the spot (about a second) when there is none. `slug` is the
    first label of its host, `time_zone` an IANA name, `website` an http(s) address or "".
    Raises SlugTaken, SlugReserved, Invalid; then nothing is left of it.
    """
    slug = slug.strip().lower()
    _refuse_slug(slug)
    company = Company(schema_name=f"t_{uuid.uuid4().hex}", slug=slug, state=Company.State.ACTIVE)
    fill(
        company,
        {"name": name, "website": website, "time_zone": time_zone, "vertical": vertical},
    )
    # The keys stand in another database, so they come first: without its company row a key opens
    # nothing, while a company without keys could be entered and could store nothing.
    store.create_company_keys(company_id=company.pk, schema_name=company.schema_name)
    try:
        with in_public():
            _store(company, owner=owner, actor=actor)
    except BaseException:
        store.shred(company.schema_name)
        raise
    return company


def _store(company: Company, *, owner: User, actor: Actor) -> None:
    for _ in range(_SPARES_TRIED):
        with transaction.atomic():
            if claim_spare(company.schema_name):
                _store_rows(company, owner=owner, actor=actor)
                return
        # Another sign-up may take this one from under us; then we make the next.
        make_spare()
    raise Conflict("Very many companies are signing up just now. Try again in a minute.")


def _store_rows(company: Company, *, owner: User, actor: Actor) -> None:
    try:
        # Not save(): the tenancy package would look for a schema and a primary host like these.
        Company.objects.bulk_create([company])
        domain = Domain(
            tenant=company, domain=addresses.company_host(company.slug), is_primary=True
        )
        Domain.objects.bulk_create([domain])
    except IntegrityError:
        # The only values here that somebody else may have had before are the slug and its host.
        raise SlugTaken from None
    Membership.objects.create(user=owner, company=company, role=Role.OWNER)
    outbox.publish(company_id=company.pk, topic=outbox.COMPANY_CREATED, object_id=company.pk)
    audit.record(
        company_id=company.pk,
        actor=actor,
        verb=Verb.COMPANY_CREATED,
        target_kind="company",
        target_id=company.pk,
        vertical=company.vertical,
    )
    audit.record(
        company_id=company.pk,
        actor=actor,
        verb=Verb.MEMBER_ADDED,
        target_kind="person",
        target_id=owner.pk,
        role=Role.OWNER.value,
    )


def _refuse_slug(slug: str) -> None:
    if not _SLUG.fullmatch(slug) or len(slug) > 40:
        raise Invalid(
            "Write the address in 2 to 40 letters a-z, digits and single hyphens, "
            "beginning and ending with a letter or digit."
        )
    if slug in RESERVED_SLUGS or addresses.company_host(slug) in settings.PLATFORM_HOSTS:
        raise SlugReserved
