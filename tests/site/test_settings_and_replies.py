"""A company's settings and its canned replies, and what the operators may change."""

import datetime
import uuid
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.test import Client

from chat.models import CannedReply
from tenants.actions import companies
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.errors import Invalid
from tenants.models import AuditEvent, Company
from tests.cast import Cast

pytestmark = pytest.mark.django_db
REPLIES = "/admin/chat/cannedreply/"


def last_event(company_id: uuid.UUID | None) -> AuditEvent:
    event = AuditEvent.objects.filter(company_id=company_id).order_by("-number").first()
    assert event is not None
    return event


def test_settings_are_stored_and_told(cast: Cast, client_for: Callable[..., Client]) -> None:
    data = {"name": "Acme Cars", "website": "", "time_zone": "Asia/Tokyo"}
    answer = client_for(cast.olga, cast.acme).post("/admin/settings/", data)
    assert answer.status_code == 302
    row = Company.objects.get(pk=cast.acme.id)
    assert (row.name, row.website, row.time_zone) == ("Acme Cars", "", "Asia/Tokyo")
    event = last_event(cast.acme.id)
    # Names of fields, never what was in them.
    assert (event.verb, event.facts) == ("company.changed", {"fields": "name, website, time_zone"})
    assert Company.objects.get(pk=cast.initech.id).name == "Initech"


@pytest.mark.parametrize(
    "data", [{"name": ""}, {"time_zone": "Mars/Olympus"}, {"website": "javascript:alert(1)"}]
)
def test_bad_settings_change_nothing(
    cast: Cast, client_for: Callable[..., Client], data: dict[str, str]
) -> None:
    before = Company.objects.filter(pk=cast.acme.id).values().get(), AuditEvent.objects.count()
    form = {"name": "Acme", "website": "", "time_zone": "UTC"} | data
    answer = client_for(cast.olga, cast.acme).post("/admin/settings/", form)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == list(data)
    after = Company.objects.filter(pk=cast.acme.id).values().get(), AuditEvent.objects.count()
    assert after == before


def test_a_reply_is_written_changed_and_deleted_and_told_without_its_words(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.sara, cast.acme)
    form = {"shortcut": "Bye", "title": "Goodbye", "body": "See you, secretly"}
    client.post(f"{REPLIES}add/", form | {"shortcut": "bye"})
    with in_company(cast.acme):
        reply = CannedReply.objects.get(shortcut="bye")
    client.post(f"{REPLIES}{reply.pk}/change/", form | {"shortcut": "bye", "title": "Farewell"})
    changed = last_event(cast.acme.id)
    client.post(f"{REPLIES}{reply.pk}/delete/", {"post": "yes"})
    with in_company(cast.acme):
        assert not CannedReply.objects.filter(shortcut="bye").exists()
    events = AuditEvent.objects.filter(company_id=cast.acme.id, target_kind="cannedreply")
    told = list(events.order_by("number").values_list("facts__change", flat=True))
    assert told == ["added", "changed", "deleted"]
    assert changed.facts == {"change": "changed", "fields": "Title"}
    assert "secretly" not in str(list(events.values()))
    # Django's own log would keep the reply's name in the public schema.
    assert LogEntry.objects.count() == 0


def test_a_shortcut_is_had_once_in_a_company(cast: Cast, client_for: Callable[..., Client]) -> None:
    form = {"shortcut": "hello", "title": "Again", "body": "Again"}
    answer = client_for(cast.olga, cast.acme).post(f"{REPLIES}add/", form)
    assert b"There is a reply /hello already" in answer.content
    with in_company(cast.acme):
        assert CannedReply.objects.filter(shortcut="hello").count() == 1


def test_replies_are_listed_in_the_companys_time(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    with in_company(cast.acme):
        at = datetime.datetime(2026, 1, 2, 23, 5, tzinfo=datetime.UTC)
        CannedReply.objects.update(updated_at=at)
    page = client_for(cast.olga, cast.acme).get(REPLIES).content.decode()
    assert "Times are in Europe/Berlin." in page
    assert "3 Jan 2026, 00:05" in page


def test_a_companys_pages_tell_its_own_time_and_the_operators_that_of_the_platform(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    at = datetime.datetime(2026, 1, 2, 23, 5, tzinfo=datetime.UTC)
    Company.objects.update(created_at=at)
    page = client_for(cast.olga, cast.acme).get("/admin/settings/").content.decode()
    assert "<dt>With us since</dt><dd>3 January 2026</dd>" in page
    page = client_for(cast.otto).get("/admin/tenants/company/").content.decode()
    assert "2 Jan 2026, 23:05" in page
    assert "3 Jan 2026" not in page


def test_a_replys_errors_stand_below_its_fields(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    answer = client_for(cast.olga, cast.acme).post(f"{REPLIES}add/", {"shortcut": "hello"})
    page = answer.content.decode()
    for field in ("shortcut", "title", "body"):
        parts = [f'for="id_{field}"', f'name="{field}"', f'id="id_{field}_error"']
        places = [page.index(part) for part in (*parts, f'id="id_{field}_helptext"')]
        assert places == sorted(places)


def test_a_reply_of_another_company_is_out_of_reach(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    with in_company(cast.initech):
        theirs = CannedReply.objects.create(shortcut="only-here", title="x", body="x")
    with in_company(cast.acme):
        CannedReply.objects.all().delete()
    client = client_for(cast.olga, cast.acme)
    client.post(f"{REPLIES}{theirs.pk}/delete/", {"post": "yes"})
    client.post(f"{REPLIES}{theirs.pk}/change/", {"shortcut": "y", "title": "y", "body": "y"})
    with in_company(cast.initech):
        assert CannedReply.objects.get(shortcut="only-here").title == "x"


def test_an_operator_suspends_a_company_and_it_is_told(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.otto)
    row = Company.objects.get(pk=cast.initech.id)
    form = {
        "name": row.name,
        "website": row.website,
        "vertical": row.vertical,
    }
    page = f"/admin/tenants/company/{row.pk}/change/"
    before = AuditEvent.objects.filter(company_id=row.pk).count()
    answer = client.post(page, form | {"state": "suspended"})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    event = last_event(cast.initech.id)
    assert (event.verb, event.actor_id, event.facts) == ("company.suspended", cast.otto.pk, {})
    assert client_for(cast.ivan, cast.initech).get("/admin/").status_code == 404
    client.post(page, form | {"state": "active", "name": "Initech Motors"})
    told = AuditEvent.objects.filter(company_id=row.pk).order_by("number")[before:]
    assert [(event.verb, event.facts) for event in told] == [
        ("company.suspended", {}),
        ("company.resumed", {}),
        ("company.changed", {"fields": "name"}),
    ]
    assert client_for(cast.ivan, cast.initech).get("/admin/").status_code == 200


def test_a_website_that_an_operator_writes_without_its_scheme_is_taken_for_https(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    form = {"name": "Initech", "website": "www.initech.example", "vertical": "general"}
    page = f"/admin/tenants/company/{cast.initech.id}/change/"
    client_for(cast.otto).post(page, form | {"state": "active"})
    assert Company.objects.get(pk=cast.initech.id).website == "https://www.initech.example"


@pytest.mark.parametrize(
    "change", [{"time_zone": "Mars/Olympus"}, {"state": "provisioning"}, {"name": ""}]
)
def test_an_operator_s_typo_takes_no_company_down(
    cast: Cast, client_for: Callable[..., Client], change: dict[str, str]
) -> None:
    before = Company.objects.filter(pk=cast.initech.id).values().get(), AuditEvent.objects.count()
    row = before[0]
    form = {field: row[field] for field in ("name", "website", "vertical", "state")}
    client_for(cast.otto).post(f"/admin/tenants/company/{cast.initech.id}/change/", form | change)
    after = Company.objects.filter(pk=cast.initech.id).values().get(), AuditEvent.objects.count()
    assert after == before


def test_a_time_zone_that_is_none_is_refused_wherever_it_is_checked(cast: Cast) -> None:
    company = Company.objects.get(pk=cast.initech.id)
    company.time_zone = "Europe/Berlinn"
    with pytest.raises(ValidationError) as refused:
        company.full_clean()
    assert list(refused.value.error_dict) == ["time_zone"]


@pytest.mark.parametrize(
    "changes",
    [
        {"time_zone": "Europe/Berlin"},
        {"state": "provisioning"},
        {"state": "gone"},
        {"vertical": "circus"},
        {"website": "javascript:alert(1)"},
    ],
)
def test_what_operators_may_not_change_is_refused_whole(
    cast: Cast, changes: dict[str, str | bool]
) -> None:
    before = Company.objects.filter(pk=cast.initech.id).values().get(), AuditEvent.objects.count()
    with pytest.raises(Invalid):
        companies.change_by_operator(
            company_id=cast.initech.id, changes={"name": "Other", **changes}, actor=SYSTEM
        )
    after = Company.objects.filter(pk=cast.initech.id).values().get(), AuditEvent.objects.count()
    assert after == before


@pytest.mark.parametrize("model", ["membership", "auditevent", "outboxevent", "spareschema"])
def test_an_operator_only_looks_at_what_the_platform_keeps(
    cast: Cast, client_for: Callable[..., Client], model: str
) -> None:
    client = client_for(cast.otto)
    assert client.get(f"/admin/tenants/{model}/").status_code == 200
    assert client.get(f"/admin/tenants/{model}/add/").status_code == 403


def test_an_operator_sees_the_platforms_log_and_no_companys(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    page = client_for(cast.otto).get("/admin/tenants/auditevent/").content.decode()
    assert str(cast.olga.pk) not in page
