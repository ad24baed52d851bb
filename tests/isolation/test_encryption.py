"""Attacks on what is encrypted at rest: copies, swaps, forgeries, ways around the fields."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django import db
from django.core.exceptions import FieldError
from django.db import DataError, models, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Concat, Lower

from chat.models import Visit, Visitor
from tenants import crypto, fields
from tenants.context import in_company, in_public
from tenants.errors import DecryptionFailed
from tenants.keyring import store
from tenants.resolution import CompanyRef
from tenants.rotation import encrypted_tables
from tests.cast import Cast

# Untyped: the schema's attributes are django-tenants' own.
connection: Any = db.connection
pytestmark = pytest.mark.django_db

NAME = "chat.visitor.name"


def stored(column: str = "name") -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM chat_visitor")  # noqa: S608
        return str(cursor.fetchone()[0])


def put(value: str, column: str = "name") -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE chat_visitor SET {column} = %s", [value])  # noqa: S608


def visitor(company: CompanyRef, **values: str) -> Visitor:
    made: Visitor = Visitor.objects.create(secret_digest=f"{company.id.hex:0>64}", **values)
    return made


def test_what_is_stored_shows_nothing_of_the_text(cast: Cast) -> None:
    with in_company(cast.acme):
        visitor(cast.acme, name="Vera Visitor", email="vera@home.example", phone="")
        row = [stored(column) for column in ("name", "email", "phone")]
        assert all(token.startswith("t2:") for token in row)
        assert "vera" not in "".join(row).lower()
        again = Visitor.objects.get()
        assert (again.name, again.email, again.phone) == ("Vera Visitor", "vera@home.example", "")


def test_the_same_text_never_looks_the_same_twice(cast: Cast) -> None:
    tokens = {crypto.encrypt(cast.acme.schema_name, NAME, "Vera") for _ in range(5)}
    assert len(tokens) == 5


def test_a_value_copied_to_another_company_does_not_open(cast: Cast) -> None:
    with in_company(cast.initech):
        visitor(cast.initech, name="Victor Victim")
        stolen = stored()
    with in_company(cast.acme):
        visitor(cast.acme, name="Vera")
        put(stolen)
        with pytest.raises(DecryptionFailed, match="does not verify"):
            Visitor.objects.get()


def test_a_value_copied_to_another_column_does_not_open(cast: Cast) -> None:
    with in_company(cast.acme):
        visitor(cast.acme, name="Vera", phone="+49 30 123456")
        put(stored("phone"), "name")
        with pytest.raises(DecryptionFailed, match="does not verify"):
            Visitor.objects.get()


def test_a_value_of_the_first_kind_is_still_read_and_the_next_one_is_of_the_second(
    cast: Cast,
) -> None:
    with in_company(cast.acme):
        made = visitor(cast.acme, name="Vera")
        keys = store.data_keys(cast.acme.schema_name)
        derived = HKDF(hashes.SHA256(), 32, salt=None, info=NAME.encode())
        fernet = Fernet(base64.urlsafe_b64encode(derived.derive(keys.active_key)))
        put(f"t1:{keys.active_version}:{fernet.encrypt(b'Vera of old').decode()}")
        made.refresh_from_db()
        assert made.name == "Vera of old"
        made.save()
        assert stored().startswith(f"t2:{keys.active_version}:")
        made.refresh_from_db()
        assert made.name == "Vera of old"


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "Vera in plain text",
        lambda token: "",
        lambda token: "t2:",
        lambda token: "t2:1:",
        lambda token: token[:-6] + "AAAAAA",
        lambda token: token[:40] + ("A" if token[40] != "A" else "B") + token[41:],
        lambda token: token.replace("t2:", "t1:"),
        lambda token: token.replace("t2:", "t3:"),
        lambda token: token.replace("t2:1:", "t2:9:"),
        lambda token: token.replace("t2:1:", "t2:-1:"),
        lambda token: token.replace("t2:1:", "t2:\u0661:"),
        lambda token: token.removeprefix("t2:1:"),
        # What a lenient decoder would pass over or make good.
        lambda token: f"{token} ",
        lambda token: f"{token}\n",
        lambda token: f"{token[:20]}\r\n{token[20:]}",
        lambda token: f"{token[:20]}.{token[20:]}",
        lambda token: f"{token[:20]}\u00e9{token[20:]}",
        lambda token: f"{token}=",
        lambda token: token.removesuffix("="),
    ],
)
def test_a_value_changed_from_outside_raises_and_is_not_shown(
    cast: Cast, change: Callable[[str], str]
) -> None:
    with in_company(cast.acme):
        made = visitor(cast.acme, name="Vera")
        version = store.data_keys(cast.acme.schema_name).active_version
        changed = change(stored().replace(f"t2:{version}:", "t2:1:"))
        put(changed.replace("t2:1:", f"t2:{version}:"))
        with pytest.raises(DecryptionFailed):
            Visitor.objects.get()
        with pytest.raises(DecryptionFailed):
            made.refresh_from_db()
        with pytest.raises(DecryptionFailed):
            list(Visitor.objects.values_list("name"))


def test_a_pasted_token_stays_a_token(cast: Cast) -> None:
    secret = crypto.encrypt(cast.acme.schema_name, NAME, "a secret of the company")
    with in_company(cast.acme):
        made = visitor(cast.acme, name=secret[:120])
        assert Visitor._meta.get_field("name").to_python(secret) == secret
        visit = Visit.objects.create(visitor=made, origin="https://a.example", page_title=secret)
        visit.full_clean()
        assert Visit.objects.get().page_title == secret


@pytest.mark.parametrize(
    "expression",
    [
        F("origin"),
        F("page_title"),
        Value("plain"),
        Concat(F("origin"), Value("x")),
        Lower("origin"),
        models.Case(models.When(Q(origin=""), then=Value("plain")), default=F("origin")),
        models.Case(
            models.When(
                Q(origin=""),
                then=Value("x", output_field=Visit._meta.get_field("page_title")),
            ),
            default=F("origin"),
        ),
        models.Subquery(Visit.objects.values("origin")[:1]),
    ],
)
def test_an_expression_is_refused_and_changes_nothing(cast: Cast, expression: Any) -> None:
    with in_company(cast.acme):
        made = visitor(cast.acme, name="Vera")
        Visit.objects.create(visitor=made, origin="https://a.example", page_title="Cars")
        with pytest.raises(FieldError, match="encrypted"), transaction.atomic():
            Visit.objects.update(page_title=expression)
        assert Visit.objects.get().page_title == "Cars"


def test_bulk_writes_are_encrypted(cast: Cast) -> None:
    with in_company(cast.acme):
        Visitor.objects.bulk_create(
            Visitor(secret_digest=f"{n:064}", name=f"n{n}") for n in range(3)
        )
        people = list(Visitor.objects.order_by("secret_digest"))
        for person in people:
            person.name = f"new {person.name}"
        assert Visitor.objects.bulk_update(people, ["name"]) == 3
        assert Visitor.objects.filter(secret_digest=f"{0:064}").update(name="by update") == 1
        read = list(Visitor.objects.order_by("secret_digest").values_list("name", flat=True))
        assert read == ["by update", "new n1", "new n2"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM chat_visitor WHERE name NOT LIKE 't2:%%'")
            assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    "condition",
    [
        {"name": "Vera"},
        {"name__exact": "Vera"},
        {"name__iexact": "vera"},
        {"name__contains": "er"},
        {"name__icontains": "er"},
        {"name__startswith": "t2:"},
        {"name__in": ["Vera"]},
        {"name__regex": "."},
        {"name__gt": "A"},
        {"email__lower": "x"},
        {"visits__page_title": "Cars"},
    ],
)
def test_a_search_by_an_encrypted_value_is_refused(cast: Cast, condition: dict[str, str]) -> None:
    with in_company(cast.acme), pytest.raises(FieldError):
        Visitor.objects.filter(**condition).count()


def test_whether_something_is_there_may_be_asked(cast: Cast) -> None:
    with in_company(cast.acme):
        visitor(cast.acme, name="Vera")
        assert Visitor.objects.filter(name__isnull=False).count() == 1


def test_a_text_too_long_for_its_field_is_refused_though_the_column_would_take_it(
    cast: Cast,
) -> None:
    with in_company(cast.acme):
        with pytest.raises(DataError, match="takes 120 characters"), transaction.atomic():
            visitor(cast.acme, name="x" * 121)
        assert not Visitor.objects.exists()


def test_outside_a_company_nothing_is_encrypted_or_read(cast: Cast) -> None:
    with in_public(), pytest.raises(store.KeyGone):
        crypto.encrypt(connection.schema_name, NAME, "Vera")


def test_equal_addresses_meet_within_a_company_and_nowhere_else(cast: Cast) -> None:
    def index(company: CompanyRef, address: str, label: str = "chat.visitor.email") -> str:
        return crypto.blind_index(company.schema_name, label, crypto.normalise_email(address))

    vera = index(cast.acme, "Vera@Home.Example")
    assert vera == index(cast.acme, "  vera@HOME.example ")
    assert len(vera) == 64
    assert vera != index(cast.initech, "vera@home.example")
    assert vera != index(cast.acme, "vera@home.example", "chat.lead.email")
    assert vera != index(cast.acme, "victor@home.example")


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("\uff36era@home.example", "vera@home.example"),
        ("vera@BÜCHER.example", "vera@xn--bcher-kva.example"),
        ("straße@home.example", "strasse@home.example"),
        ("a@b@home.example", "a@b@home.example"),
        ("@home.example", ""),
        ("vera@", ""),
        ("vera", ""),
        ("vera@-.example", ""),
        ("ve\u202era@home.example", ""),
        ("vera@ho\u200bme.example", ""),
        ("vera@home.example\u2060", ""),
        ("ve\x07ra@home.example", ""),
        ("ve\u3164ra@home.example", ""),
        ("ve ra@home.example", ""),
    ],
)
def test_addresses_are_compared_in_one_form(written: str, normal: str) -> None:
    assert crypto.normalise_email(written) == normal


@pytest.mark.parametrize(
    ("written", "region", "normal"),
    [
        ("030 123456", "DE", "+4930123456"),
        ("+49 (30) 123456", None, "+4930123456"),
        ("030 123456", None, ""),
        ("call me", "DE", ""),
        ("1", "DE", ""),
    ],
)
def test_numbers_are_compared_in_one_form(written: str, region: str | None, normal: str) -> None:
    assert crypto.normalise_phone(written, region) == normal


def test_an_encrypted_field_that_could_not_work_fails_the_checks() -> None:
    class Unfit(models.Model):
        text = fields.EncryptedCharField(max_length=10, unique=True)

        class Meta:
            app_label = "chat"
            managed = False

    class Misplaced(models.Model):
        text = fields.EncryptedTextField()

        class Meta:
            app_label = "tenants"
            managed = False

    from django.apps import apps

    try:
        assert [error.id for error in Unfit._meta.get_field("text").check()] == ["tenants.E001"]
        assert [error.id for error in Misplaced._meta.get_field("text").check()] == ["tenants.E002"]
    finally:
        for label, name in (("chat", "unfit"), ("tenants", "misplaced")):
            apps.all_models[label].pop(name)
        apps.clear_cache()


def test_nothing_is_sorted_by_ciphertext() -> None:
    from django.apps import apps

    for app in {table.name.split("_")[0] for table in encrypted_tables()}:
        for model in apps.get_models():
            if model._meta.app_label != app:
                continue
            for name in model._meta.ordering or ():
                field = model._meta.get_field(str(name).lstrip("-"))
                assert not isinstance(field, fields.CompanyEncryptedMixin), model


def test_what_people_write_is_in_encrypted_columns() -> None:
    encrypted = {(t.name, column) for t in encrypted_tables() for column, _ in t.columns}
    for must in (
        ("chat_event", "body"),
        ("chat_visitor", "name"),
        ("chat_visitor", "email"),
        ("chat_visitor", "phone"),
        ("chat_visit", "page_url"),
        ("chat_leadrevision", "payload"),
    ):
        assert must in encrypted
