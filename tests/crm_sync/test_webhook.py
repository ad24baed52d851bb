import base64
import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from chat.lead_payload import Contact, Line
from crm_sync.connectors.base import UPSERT_LEAD, Outcome, Push, SettingsRefused
from crm_sync.connectors.registry import connector_of
from crm_sync.connectors.webhook import mapping
from crm_sync.connectors.webhook.settings import new_secret
from tests.crm_sync import doubles
from tests.crm_sync.builders import NOON, lead
from tests.crm_sync.doubles import HttpDouble

CONNECTOR = connector_of("webhook")
NASTY = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    ["]]>", "a\r\nX-Evil: 1", "\x00\x08\x1b", "👩‍👩‍👧 \U0001d4b3", "\u202edrows\u202c א"]
)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _push(**changes: object) -> Push:
    parts = {"lead": lead(), "step": UPSERT_LEAD, "key": "lead_1_r1", "at": _now()}
    return Push(**{**parts, **changes})  # type: ignore[arg-type]


def _settings(url: str = "https://hooks.example/", transcript: bool = True) -> str:
    return json.dumps({"url": url, "transcript": transcript})


def test_the_independent_verifier_accepts_the_signature() -> None:
    secret = new_secret()
    outgoing = CONNECTOR.build(_push(), _settings(), json.dumps({"secret": secret}))
    read = Verifier(secret).verify(outgoing.body.decode(), dict(outgoing.headers))
    assert read["type"] == "lead.created"
    assert read["timestamp"] == NOON.isoformat()
    assert read["data"]["lead_id"] == str(lead().lead_id)
    assert read["data"]["schema"] == "lead/1"
    assert read["data"]["contact"]["email"] == "mia@visitors.example"
    assert outgoing.headers["webhook-id"] == "lead_1_r1"


def test_a_changed_body_does_not_verify() -> None:
    secret = new_secret()
    outgoing = CONNECTOR.build(_push(), _settings(), json.dumps({"secret": secret}))
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(outgoing.body.decode() + " ", dict(outgoing.headers))


def test_while_a_secret_is_rotated_both_verify() -> None:
    old = new_secret()
    both = json.dumps(CONNECTOR.with_new_secret(json.dumps({"secret": old})))
    new, also = CONNECTOR.signing_secrets(both)
    assert also == old != new
    assert CONNECTOR.with_one_secret(both) == {"secret": new}
    outgoing = CONNECTOR.build(_push(), _settings(), both)
    for secret in (old, new):
        assert Verifier(secret).verify(outgoing.body.decode(), dict(outgoing.headers))
    with pytest.raises(WebhookVerificationError):
        Verifier(new_secret()).verify(outgoing.body.decode(), dict(outgoing.headers))


def test_secrets_are_long_and_each_its_own() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32


def test_a_second_revision_is_an_update() -> None:
    body = json.loads(mapping.body(lead(revision=2), transcript=True))
    assert body["type"] == "lead.updated"


def test_the_transcript_stays_home_where_it_is_not_wanted() -> None:
    body = json.loads(mapping.body(lead(), transcript=False))
    assert body["data"]["transcript"] == []
    assert body["data"]["transcript_cut"] is True


def test_of_a_long_transcript_the_end_is_sent_and_the_cut_is_told() -> None:
    lines = tuple(Line(n, NOON, "visitor", "Mia", f"{n} " + "x" * 500) for n in range(100))
    content = mapping.body(lead(transcript=lines), transcript=True)
    data = json.loads(content)["data"]
    assert len(content) < 20_000
    assert data["transcript"][-1]["seq"] == 99
    assert data["transcript_cut"] is True


@given(name=NASTY, notes=NASTY, text=NASTY)
def test_whatever_people_write_is_signed_and_read_back_as_it_was(
    name: str, notes: str, text: str
) -> None:
    secret = new_secret()
    odd = lead(
        contact=Contact(name, "mia@visitors.example"),
        notes=notes,
        transcript=(Line(1, NOON, "visitor", name, text),),
    )
    outgoing = CONNECTOR.build(_push(lead=odd), _settings(), json.dumps({"secret": secret}))
    read = Verifier(secret).verify(outgoing.body.decode(), dict(outgoing.headers))
    assert read["data"]["contact"]["name"] == name
    assert read["data"]["notes"] == notes
    assert read["data"]["transcript"][0]["text"] == text
    assert all("\r" not in value and "\n" not in value for value in outgoing.headers.values())


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (doubles.status(200), Outcome.SUCCESS),
        (doubles.status(204), Outcome.SUCCESS),
        (doubles.status(200, b"<html>Welcome</html>"), Outcome.SUCCESS),
        (doubles.status(302, Location="http://10.0.0.1/"), Outcome.CONFIG),
        (doubles.status(400), Outcome.PERMANENT),
        (doubles.status(401), Outcome.AUTH),
        (doubles.status(403), Outcome.AUTH),
        (doubles.status(404), Outcome.RETRYABLE),
        (doubles.status(410), Outcome.GONE),
        (doubles.status(422), Outcome.PERMANENT),
        (doubles.status(429), Outcome.RATE_LIMITED),
        (doubles.status(500), Outcome.RETRYABLE),
        (doubles.status(503), Outcome.RETRYABLE),
        (doubles.status(503, Retry_After="9"), Outcome.RATE_LIMITED),
        (doubles.status(500, Webhook_Delivery="abort-message"), Outcome.PERMANENT),
        (doubles.garbage, Outcome.AMBIGUOUS),
        (doubles.hang(2), Outcome.AMBIGUOUS),
        (doubles.drip_headers, Outcome.AMBIGUOUS),
        (doubles.drip_body, Outcome.SUCCESS),
        (doubles.huge(100), Outcome.SUCCESS),
    ],
)
def test_what_each_answer_means(crm: HttpDouble, answer: doubles.Answer, outcome: Outcome) -> None:
    crm.answers = [answer]
    outgoing = CONNECTOR.build(_push(), _settings(crm.url), json.dumps({"secret": new_secret()}))
    _, result = CONNECTOR.send(outgoing, 0.5)
    assert result.outcome == outcome
    assert len(crm.received) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("soon", None),
        ("-1", None),
        ("0", 1.0),
        ("999999999", 86400.0),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2024 00:00:99999999999999999999 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86400.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 1.0),
    ],
)
def test_retry_after_in_seconds(crm: HttpDouble, header: str, seconds: float | None) -> None:
    crm.answers = [doubles.status(429, Retry_After=header)]
    outgoing = CONNECTOR.build(_push(), _settings(crm.url), json.dumps({"secret": new_secret()}))
    assert CONNECTOR.send(outgoing, 1)[1].retry_after == seconds


def test_retry_after_as_a_date(crm: HttpDouble) -> None:
    at = (_now() + datetime.timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    crm.answers = [doubles.status(429, Retry_After=at)]
    outgoing = CONNECTOR.build(_push(), _settings(crm.url), json.dumps({"secret": new_secret()}))
    waits = CONNECTOR.send(outgoing, 1)[1].retry_after
    assert waits is not None
    assert 85 < waits <= 90


@pytest.mark.usefixtures("crm")
def test_nobody_there_is_retried_and_nothing_was_sent() -> None:
    with doubles.nobody() as url:
        outgoing = CONNECTOR.build(_push(), _settings(url), json.dumps({"secret": new_secret()}))
        assert CONNECTOR.send(outgoing, 1)[1].outcome == Outcome.RETRYABLE


def test_an_address_inside_is_refused_in_words() -> None:
    with pytest.raises(SettingsRefused) as caught:
        CONNECTOR.parse({"url": "https://169.254.169.254/"})
    assert caught.value.fields == {"url": "This address belongs to a private network."}
