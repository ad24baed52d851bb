"""A company is ready in one transaction, or nothing of it stays."""

from typing import Any

import pytest
from django.db import DataError, connection

from tenants.actions.provisioning import provision_company, refill_spares
from tenants.actor import SYSTEM, Actor
from tenants.context import in_company
from tenants.errors import Invalid, SlugReserved, SlugTaken
from tenants.keyring.models import CompanyKey
from tenants.models import AuditEvent, Company, Domain, Membership, Role, SpareSchema
from tenants.resolution import CompanyRef
from tests.cast import Cast

pytestmark = pytest.mark.django_db

DETAILS: dict[str, Any] = {
    "actor": SYSTEM,
    "name": "Hooli",
    "slug": "hooli",
    "website": "https://hooli.example",
    "time_zone": "Europe/Paris",
    "vertical": "retail",
}


def schemas() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace")
        return {row[0] for row in cursor.fetchall()}


def state() -> tuple[object, ...]:
    return (
        schemas(),
        Company.objects.count(),
        Domain.objects.count(),
        Membership.objects.count(),
        AuditEvent.objects.count(),
        CompanyKey.objects.count(),
        SpareSchema.objects.count(),
    )


def test_a_company_is_ready_when_the_sign_up_returns(cast: Cast) -> None:
    company = provision_company(**DETAILS, owner=cast.amir)

    assert company.state == Company.State.ACTIVE
    assert list(company.domains.values_list("domain", "is_primary")) == [("hooli.localhost", True)]
    assert list(company.memberships.values_list("user", "role")) == [(cast.amir.pk, Role.OWNER)]
    assert company.schema_name in schemas()
    from chat.models import CannedReply

    with in_company(CompanyRef.of(company)):
        CannedReply.objects.create(shortcut="x", title="x", body="secret words")
        assert CannedReply.objects.get().body == "secret words"
    verbs = AuditEvent.objects.filter(company_id=company.pk).order_by("number")
    assert list(verbs.values_list("number", "verb")) == [
        (1, "company.created"),
        (2, "member.added"),
    ]


def test_a_spare_is_taken_by_rename_and_the_pool_is_refilled(cast: Cast, settings: object) -> None:
    settings.SPARE_SCHEMAS = 1  # type: ignore[attr-defined]
    refill_spares()
    spare = SpareSchema.objects.get().schema_name

    company = provision_company(**DETAILS, owner=cast.amir)

    assert not SpareSchema.objects.exists()
    assert spare not in schemas()
    assert company.schema_name in schemas()
    assert refill_spares() == 1
    assert refill_spares() == 0


def test_a_spare_of_other_migrations_is_dropped_and_never_handed_out(
    cast: Cast, settings: object
) -> None:
    settings.SPARE_SCHEMAS = 1  # type: ignore[attr-defined]
    refill_spares()
    SpareSchema.objects.update(fingerprint="of last year")
    stale = SpareSchema.objects.get().schema_name

    company = provision_company(**DETAILS, owner=cast.amir)

    assert SpareSchema.objects.get().schema_name == stale
    assert company.schema_name in schemas()
    assert refill_spares() == 1
    assert stale not in schemas()
    assert SpareSchema.objects.get().schema_name != stale


def test_a_taken_address_leaves_nothing_behind(cast: Cast, settings: object) -> None:
    settings.SPARE_SCHEMAS = 1  # type: ignore[attr-defined]
    refill_spares()
    before = state()

    with pytest.raises(SlugTaken) as refusal:
        provision_company(**{**DETAILS, "slug": "Initech"}, owner=cast.amir)

    assert refusal.value.code == "slug_taken"
    assert state() == before


@pytest.mark.parametrize("slug", ["www", "ADMIN", "desk", "switchboard"])
def test_a_reserved_address_is_refused(cast: Cast, slug: str) -> None:
    before = state()
    with pytest.raises(SlugReserved) as refusal:
        provision_company(**{**DETAILS, "slug": slug}, owner=cast.amir)
    assert refusal.value.code == "slug_reserved"
    assert state() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", ""),
        ("slug", "a"),
        ("slug", "-abc"),
        ("slug", "abc-"),
        ("slug", "xn--abc"),
        ("slug", "a_b"),
        ("slug", "a.b"),
        ("slug", "évian"),
        ("slug", "a" * 41),
        ("name", "  "),
        ("name", "n" * 121),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("vertical", "piracy"),
        ("website", "javascript:alert(1)"),
        ("website", "ftp://hooli.example"),
        ("website", "https://hooli.example/" + "p" * 300),
    ],
)
def test_bad_details_are_refused_with_a_sentence_and_change_nothing(
    cast: Cast, field: str, value: str
) -> None:
    before = state()
    with pytest.raises(Invalid) as refusal:
        provision_company(**{**DETAILS, field: value}, owner=cast.amir)
    assert refusal.value.code == "invalid"
    assert str(refusal.value).endswith(".")
    assert state() == before


def test_a_failure_after_the_rename_leaves_neither_company_nor_keys(
    cast: Cast, settings: object
) -> None:
    settings.SPARE_SCHEMAS = 1  # type: ignore[attr-defined]
    refill_spares()
    before = state()
    # The last statement of the sign-up, its audit line, is the one that the database refuses.
    unfit = Actor("longer than the column")  # type: ignore[arg-type]
    with pytest.raises(DataError):
        provision_company(**{**DETAILS, "actor": unfit}, owner=cast.amir)
    assert state() == before
