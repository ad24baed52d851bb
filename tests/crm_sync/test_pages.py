import datetime
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import Lead
from crm_sync.actions.deliveries import create_deliveries, send_due
from crm_sync.models import Connection, Delivery
from tenants import resolution
from tenants.context import in_company
from tenants.models import AuditEvent, Company
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.crm_sync import builders, doubles
from tests.crm_sync.doubles import HttpDouble, Mailbox

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]


class Browser:
    """A client whose thread is in the company again after each request, as the test's own is."""

    def __init__(self, client: Client, company: CompanyRef) -> None:
        self._client = client
        self._company = company

    def get(self, path: str, **options: Any) -> Any:
        return self._back(self._client.get(path, **options))

    def post(self, path: str, data: object = None, **options: Any) -> Any:
        return self._back(self._client.post(path, data or {}, **options))

    def _back(self, response: Any) -> Any:
        connection.set_tenant(self._company)  # type: ignore[attr-defined]
        return response


@pytest.fixture
def acme(cast: Cast) -> Iterator[None]:
    with in_company(cast.acme):
        yield


@pytest.fixture
def owner(cast: Cast, client_for: ClientFor) -> Browser:
    return Browser(client_for(cast.olga, cast.acme), cast.acme)


def _only() -> Connection:
    return Connection.objects.get()


@pytest.mark.usefixtures("acme")
def test_from_nothing_to_a_live_webhook(owner: Browser, crm: HttpDouble) -> None:
    assert "No CRM is connected" in owner.get("/admin/crm/").content.decode()
    assert b"Signed webhook" in owner.get("/admin/crm/new/").content
    made = owner.post(
        "/admin/crm/new/webhook/", {"name": "Zap", "url": crm.url, "transcript": "on"}
    )
    page = f"/admin/crm/{_only().pk}/"
    assert made["Location"] == page
    early = owner.post(f"{page}activate/", follow=True).content.decode()
    assert "Send a test lead first" in early
    assert _only().state == Connection.State.DRAFT
    tried = owner.post(f"{page}test/").content.decode()
    assert "The test lead arrived." in tried
    assert "test.lead@example.com" in tried
    assert b'"test":true' in crm.received[0].body
    owner.post(f"{page}activate/")
    assert _only().state == Connection.State.ACTIVE
    facts = [e.facts for e in AuditEvent.objects.filter(verb="connection.changed")]
    assert [(fact["what"], fact.get("arrived")) for fact in facts] == [
        ("test", True),
        ("state", None),
    ]


@pytest.mark.usefixtures("acme")
def test_a_test_lead_that_fails_shows_why_and_does_not_let_it_go_live(
    owner: Browser, crm: HttpDouble, cast: Cast
) -> None:
    crm.answers = [doubles.status(422, b"field x is missing", X_Request_Id="req_7")]
    link = builders.webhook(cast.acme, crm.url, active=False)
    page = owner.post(f"/admin/crm/{link.pk}/test/").content.decode()
    assert "The receiver refuses this lead as it is." in page
    assert "field x is missing" in page
    assert page.count("req_7") == 1
    assert _only().tested_at is None
    assert Delivery.objects.count() == 0


@pytest.mark.usefixtures("acme")
def test_wrong_settings_are_marked_and_nothing_is_stored(owner: Browser) -> None:
    answer = owner.post("/admin/crm/new/adf/", {"name": "D", "target": "x", "transport": "email"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Fill this in." in page
    answer = owner.post(
        "/admin/crm/new/adf/",
        {
            "name": "D",
            "target": "x",
            "transport": "email",
            "vendor_name": "V",
            "comments_limit": "1",
        },
    )
    page = answer.content.decode()
    assert "Write the mailbox like leads@store.crm.example." in page
    assert "Write a number from 200 to 30000." in page
    assert Connection.objects.count() == 0


@pytest.mark.usefixtures("acme")
def test_an_adf_test_lead_arrives_as_mail_and_the_preview_is_valid(
    owner: Browser, mailbox: Mailbox, cast: Cast
) -> None:
    link = builders.adf(cast.acme, active=False)
    shown = owner.get(f"/admin/crm/{link.pk}/preview/").content.decode()
    assert "Every rule of the format holds." in shown
    assert "&lt;?adf version=&quot;1.0&quot;?&gt;" in shown
    owner.post(f"/admin/crm/{link.pk}/test/")
    assert b"Subject: TEST - Switchboard" in mailbox.mails[0]
    assert b"TEST LEAD, please ignore." in mailbox.mails[0]
    assert _only().tested_at is not None


@pytest.mark.usefixtures("acme")
def test_the_log_shows_filters_and_opens_a_delivery_without_private_words(
    owner: Browser, crm: HttpDouble, cast: Cast
) -> None:
    link = builders.webhook(cast.acme, crm.url)
    lead_id = builders.captured(cast.acme, notes="secret words")
    create_deliveries(company=cast.acme, lead_id=lead_id)
    send_due(company=cast.acme, connection_id=link.pk)
    delivery = Delivery.objects.get()
    log = owner.get("/admin/crm/deliveries/").content.decode()
    assert str(lead_id)[:8] in log
    none = owner.get("/admin/crm/deliveries/?state=dead_letter&since=7").content.decode()
    assert str(lead_id)[:8] not in none
    odd = owner.get("/admin/crm/deliveries/?connection=x&state=y&since=z&page=9").content.decode()
    assert str(lead_id)[:8] in odd
    other = owner.get(f"/admin/crm/deliveries/?lead={uuid.uuid4()}").content.decode()
    assert str(lead_id)[:8] not in other
    lead = owner.get(f"/admin/leads/{lead_id}/").content.decode()
    assert f"/admin/crm/deliveries/?lead={lead_id}" in lead
    own = owner.get(f"/admin/crm/deliveries/?lead={lead_id}").content.decode()
    assert f"/admin/crm/deliveries/{delivery.pk}/" in own
    for suffix in ("", "?part"):
        opened = owner.get(f"/admin/crm/deliveries/{delivery.pk}/{suffix}").content.decode()
        assert f'href="/admin/leads/{lead_id}/"' in opened
        assert "status 200" in opened
        assert "Mia" not in opened
        assert "secret words" not in opened
    assert "<html" not in opened


@pytest.mark.usefixtures("acme")
def test_replay_buttons_send_again_and_say_how_many(
    owner: Browser, crm: HttpDouble, cast: Cast
) -> None:
    link = builders.webhook(cast.acme, crm.url)
    lead_id = builders.captured(cast.acme)
    create_deliveries(company=cast.acme, lead_id=lead_id)
    send_due(company=cast.acme, connection_id=link.pk)
    key = Delivery.objects.get().pk
    again = owner.post(
        "/admin/crm/deliveries/replay/",
        {"delivery": [str(key), "rubbish"], "next": "https://evil.example/"},
    )
    assert again["Location"] == "/admin/crm/deliveries/"
    assert Delivery.objects.get().state == Delivery.State.PENDING
    send_due(company=cast.acme, connection_id=link.pk)
    since = owner.post(f"/admin/crm/{link.pk}/replay/", {"since": "2026-01-01T00:00"}, follow=True)
    assert "One lead goes again." in since.content.decode()
    nothing = owner.post(
        "/admin/crm/deliveries/replay/", {"delivery": str(uuid.uuid4())}, follow=True
    )
    assert "None of these deliveries can be sent again." in nothing.content.decode()


@pytest.mark.usefixtures("acme")
def test_the_secret_is_shown_on_request_rotated_and_dropped(
    owner: Browser, crm: HttpDouble, cast: Cast
) -> None:
    page = f"/admin/crm/{builders.webhook(cast.acme, crm.url).pk}/"
    assert "whsec_" not in owner.get(page).content.decode()

    def shown() -> list[str]:
        text = owner.post(f"{page}secret/").content.decode()
        return re.findall(r"whsec_[A-Za-z0-9+/=]+", text)

    [old] = shown()
    owner.post(f"{page}rotate/")
    new, also = shown()
    assert also == old != new
    owner.post(f"{page}drop/")
    assert shown() == [new]
    facts = [e.facts["what"] for e in AuditEvent.objects.filter(verb="connection.changed")]
    assert facts.count("secret_shown") == 3


@pytest.mark.usefixtures("acme")
def test_a_connection_that_signs_nothing_has_no_secret_to_change(
    owner: Browser, cast: Cast
) -> None:
    assert f'value="{cast.acme.name}"' in owner.get("/admin/crm/new/adf/").content.decode()
    made = builders.adf(cast.acme)
    told = AuditEvent.objects.filter(verb="connection.changed")
    assert told.count() == 0
    for action in ("rotate", "drop", "secret"):
        said = owner.post(f"/admin/crm/{made.pk}/{action}/", follow=True).content.decode()
        assert "This connection signs nothing." in said
    assert _only().credentials == made.credentials
    assert told.count() == 0


@pytest.mark.usefixtures("acme")
def test_pause_and_resume_by_their_buttons(owner: Browser, crm: HttpDouble, cast: Cast) -> None:
    page = f"/admin/crm/{builders.webhook(cast.acme, crm.url).pk}/"
    owner.post(f"{page}pause/")
    assert _only().state == Connection.State.PAUSED
    assert "Only an active connection" in owner.post(f"{page}pause/", follow=True).content.decode()
    owner.post(f"{page}activate/")
    assert _only().state == Connection.State.ACTIVE
    assert owner.post(f"{page}explode/").status_code == 404


def test_a_clinic_is_not_offered_e_mail_and_must_name_its_agreement(
    cast: Cast, client_for: ClientFor, crm: HttpDouble
) -> None:
    client = Browser(client_for(cast.gina, cast.globex), cast.globex)
    assert b"ADF" not in client.get("/admin/crm/new/").content
    assert client.get("/admin/crm/new/adf/").status_code == 404
    client.post("/admin/crm/new/webhook/", {"name": "EHR", "url": crm.url})
    with in_company(cast.globex):
        page = f"/admin/crm/{_only().pk}/"
        client.post(f"{page}test/")
        refused = client.post(f"{page}activate/", follow=True).content.decode()
        assert "needs a business associate agreement" in refused
        client.post(f"{page}settings/", {"name": "EHR", "url": crm.url, "baa_reference": "BAA 1"})
        client.post(f"{page}activate/")
        assert _only().state == Connection.State.ACTIVE


def test_another_companys_connection_is_not_found(cast: Cast, client_for: ClientFor) -> None:
    with in_company(cast.initech):
        link = builders.webhook(cast.initech, "https://hooks.example/")
    owner = client_for(cast.olga, cast.acme)
    for method, path in (
        ("get", ""), ("get", "settings/"), ("get", "preview/"), ("post", "test/"),
        ("post", "secret/"), ("post", "pause/"), ("post", "rotate/"),
    ):  # fmt: skip
        answer = getattr(owner, method)(f"/admin/crm/{link.pk}/{path}")
        assert answer.status_code == 404, path
    with in_company(cast.initech):
        link.refresh_from_db()
        assert link.state == Connection.State.ACTIVE


def test_another_companys_leads_are_not_sent_again(cast: Cast, client_for: ClientFor) -> None:
    with in_company(cast.initech):
        link = builders.webhook(cast.initech, "https://hooks.example/")
        create_deliveries(company=cast.initech, lead_id=builders.captured(cast.initech))
        Delivery.objects.update(state=Delivery.State.DEAD_LETTER)
    owner = client_for(cast.olga, cast.acme)
    for form in ({"since": "2026-01-01T00:00"}, {"since": "no day"}, {}):
        assert owner.post(f"/admin/crm/{link.pk}/replay/", form).status_code == 404
    with in_company(cast.initech):
        kept = Delivery.objects.get()
        assert (kept.state, kept.replays) == (Delivery.State.DEAD_LETTER, 0)


@pytest.mark.parametrize("who", ["ana", "sara", "audrey"])
def test_only_those_who_manage_connections_come_in(
    cast: Cast, client_for: ClientFor, who: str
) -> None:
    client = client_for(getattr(cast, who), cast.acme)
    for path in ("/admin/crm/", "/admin/crm/new/", "/admin/crm/deliveries/"):
        assert client.get(path).status_code == 403
    assert client.post("/admin/crm/new/webhook/", {}).status_code == 403


def test_strangers_are_sent_to_sign_in_and_outsiders_find_nothing(
    cast: Cast, client_for: ClientFor
) -> None:
    assert client_for(None, cast.acme).get("/admin/crm/").status_code == 302
    assert client_for(cast.ivan, cast.acme).get("/admin/crm/").status_code == 404


@pytest.mark.usefixtures("acme")
def test_a_crm_that_repeats_the_lead_in_its_headers_has_it_neither_shown_nor_kept_in_the_clear(
    owner: Browser, crm: HttpDouble, cast: Cast
) -> None:
    echo = "email=zebedee%40visitors.example&name=Zebedee+Visitor#+12025550101"
    answers = [
        {
            "Location": f"https://hooks.example/Zebedee%20Visitor/zebedee%40visitors.example/thanks?{echo}"
        },
        {"X_Request_Id": "zebedee@visitors.example", "X_Correlation_Id": "for-ZEBEDEE-1"},
        {"X_Request_Id": "12025550101", "Traceparent": "2025550101-x"},
        {"Server": "Zebedee Visitor", "Content_Type": "text/zebedee@visitors.example"},
        {"Cf_Ray": "zebedee-visitor.visitors.example"},
        {"X_Request_Id": "req_0198c0de:7", "Retry_After": "call Zebedee"},
    ]
    crm.answers = [doubles.status(302, b"no", **headers) for headers in answers]
    for _ in answers:
        builders.webhook(cast.acme, crm.url)
    lead_id = builders.captured(
        cast.acme,
        name="Zebedee Visitor",
        email="zebedee@visitors.example",
        phone="+1 202-555-0101",
    )
    for link in create_deliveries(company=cast.acme, lead_id=lead_id):
        assert send_due(company=cast.acme, connection_id=link) == 1
    pages = "".join(
        owner.get(f"/admin/crm/deliveries/{delivery.pk}/").content.decode()
        for delivery in Delivery.objects.all()
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT string_agg(t::text, ' ') FROM crm_sync_attempt t)"
            " || (SELECT string_agg(t::text, ' ') FROM crm_sync_delivery t)"
            " || (SELECT string_agg(t::text, ' ') FROM crm_sync_connection t)"
        )
        stored = cursor.fetchone()[0]
    assert "https://hooks.example/•••/•••/thanks" in pages
    assert pages.count("req_0198c0de:7") == 1
    assert "req_0198c0de" not in stored
    for private in ("zebedee", "visitors", "5550101"):
        assert private not in pages.lower()
        assert private not in stored.lower()


@pytest.mark.usefixtures("acme")
def test_a_delivery_tells_when_its_lead_was_captured_and_on_which_day_it_is_tried_again(
    owner: Browser, crm: HttpDouble, cast: Cast
) -> None:
    """The connection is newer than the lead by days, and the CRM asks to wait for one."""
    builders.webhook(cast.acme, crm.url)
    lead_id = builders.captured(cast.acme)
    create_deliveries(company=cast.acme, lead_id=lead_id)
    Lead.objects.update(captured_at=datetime.datetime(2026, 3, 1, 22, 30, tzinfo=datetime.UTC))
    Delivery.objects.update(
        state=Delivery.State.RETRY_SCHEDULED,
        created_at=datetime.datetime(2026, 3, 9, 12, tzinfo=datetime.UTC),
        next_attempt_at=datetime.datetime(2026, 3, 10, 18, 41, 29, tzinfo=datetime.UTC),
    )
    Company.objects.filter(pk=cast.acme.id).update(time_zone="UTC")
    resolution.forget()
    delivery = Delivery.objects.get()
    opened = owner.get(f"/admin/crm/deliveries/{delivery.pk}/").content.decode()
    assert "<dt>Captured</dt><dd>1 March 2026, 22:30:00</dd>" in opened
    assert "9 March" not in opened
    for page in ("deliveries/", f"{delivery.connection_id}/"):
        assert "Next 10 Mar, 18:41:29" in owner.get(f"/admin/crm/{page}").content.decode()


@pytest.mark.usefixtures("acme")
def test_a_connection_s_page_asks_for_no_delivery_of_another(
    owner: Browser, crm: HttpDouble, cast: Cast
) -> None:
    own, other = (builders.webhook(cast.acme, crm.url, name=name) for name in ("Own", "Other"))
    for _ in range(2):
        create_deliveries(company=cast.acme, lead_id=builders.captured(cast.acme))
    Delivery.objects.filter(connection=other).update(state=Delivery.State.DEAD_LETTER)
    with CaptureQueriesContext(connection) as asked:
        page = owner.get(f"/admin/crm/{own.pk}/")
    said = [query["sql"] for query in asked if "crm_sync_delivery" in query["sql"]]
    assert [own.pk.hex in sql for sql in said] == [True, True]
    health = page.context["card"].health
    assert (health.delivered, health.waiting, health.failed) == (0, 2, 0)
    assert [entry.delivery.connection for entry in page.context["recent"]] == [own, own]
