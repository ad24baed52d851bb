import email
import json
import ssl
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pytest_django import Settings as DjangoSettings

from chat.lead_payload import Contact, LeadPayload, Line
from crm_sync.connectors.adf import mapping, message, rules
from crm_sync.connectors.adf.settings import Settings, parse
from crm_sync.connectors.base import UPSERT_LEAD, Outcome, Push, SettingsRefused
from crm_sync.connectors.registry import connector_of
from tests.crm_sync import doubles
from tests.crm_sync.builders import NOON, lead
from tests.crm_sync.doubles import HttpDouble, Mailbox, mail_double, only_part

CONNECTOR = connector_of("adf")
SETTINGS = Settings("email", "leads@store.crm.example", "Acme Motors", vendor_id="4711")
STORED = msgspec.json.encode(SETTINGS).decode()
NASTY = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=2000) | st.sampled_from(
    [
        "]]>",
        "a\r\nBcc: evil@example.com",
        "\x00\x08\x1b\x0b",
        "👩‍👩‍👧 \U0001d4b3" * 400,
        "\u202edrows\u202c א",
        "<&>" * 500,
    ]
)


def _push(who: LeadPayload | None = None, *, resend: bool = False) -> Push:
    return Push(who or lead(), UPSERT_LEAD, "lead_1_r1", NOON, resend)


def _document(who: LeadPayload | None = None, settings: Settings = SETTINGS) -> bytes:
    return mapping.document(who or lead(), settings, resend=False)


def _problems(content: bytes, who: LeadPayload | None = None) -> list[str]:
    return rules.document_problems(content, who or lead(), SETTINGS, resend=False)


def test_the_whole_document_is_as_dealers_know_it() -> None:
    golden = """<?xml version='1.0' encoding='us-ascii'?>
<?adf version="1.0"?>
<adf>
  <prospect status="new">
    <id sequence="1" source="Switchboard">0198c0de-0000-7000-8000-000000000001</id>
    <requestdate>2026-11-22T08:40:07-06:00</requestdate>
    <vehicle interest="test-drive" status="used">
      <year>2024</year>
      <make>Volvo</make>
      <model>V60</model>
      <trim>Cross Country</trim>
    </vehicle>
    <vehicle interest="trade-in" status="used">
      <year>2016</year>
      <make>Ford</make>
      <model>Focus</model>
      <vin>1FADP3F20GL300001</vin>
    </vehicle>
    <customer>
      <contact>
        <name part="first" type="individual">Mia</name>
        <name part="last" type="individual">Visitor</name>
        <email preferredcontact="1">mia@visitors.example</email>
        <phone type="voice">+12025550101</phone>
      </contact>
      <timeframe>
        <description>this month</description>
      </timeframe>
      <comments>Live chat: A quiet estate

Asks for a test drive on Saturday.

Page: Volvo V60 https://www.acme.example/v60

Mia Visitor: Do you have a V60?
Ana: We do. Would you like to drive it?</comments>
    </customer>
    <vendor>
      <id source="Acme Motors">4711</id>
      <vendorname>Acme Motors</vendorname>
      <contact>
        <name part="full" type="business">Acme Motors</name>
      </contact>
    </vendor>
    <provider>
      <name part="full" type="business">Switchboard</name>
      <service>Live chat</service>
    </provider>
  </prospect>
</adf>
"""
    assert _document().decode("ascii") == golden
    assert _problems(_document()) == []


def test_a_lead_without_a_vehicle_invents_none() -> None:
    bare = lead(vehicle=None, trade_in=None)
    content = mapping.document(bare, SETTINGS, resend=False)
    vehicle = etree.fromstring(content).find("prospect/vehicle")
    assert vehicle is not None
    assert [(child.tag, child.text) for child in vehicle] == [
        ("year", None),
        ("make", None),
        ("model", None),
    ]
    assert rules.document_problems(content, bare, SETTINGS, resend=False) == []


def test_the_default_make_stands_in_for_one_that_is_missing() -> None:
    settings = msgspec.structs.replace(SETTINGS, default_make="Volvo")
    content = mapping.document(lead(vehicle=None), settings, resend=False)
    assert etree.fromstring(content).findtext("prospect/vehicle/make") == "Volvo"


def test_sent_again_by_a_person_it_says_resend() -> None:
    content = mapping.document(lead(), SETTINGS, resend=True)
    assert b'<prospect status="resend">' in content
    assert rules.document_problems(content, lead(), SETTINGS, resend=True) == []
    assert rules.document_problems(content, lead(), SETTINGS, resend=False) == [
        "8: The status must be new the first time and resend when a person sends it again."
    ]


@pytest.mark.parametrize("name", ["Cher", "Ana Maria de la Cruz"])
def test_names_that_are_not_two_words_are_sent_in_full(name: str) -> None:
    assert mapping.name_parts(name) == {"full": name}


def test_long_comments_are_cut_with_a_mark() -> None:
    long = lead(notes="word " * 2000)
    text = mapping.comments(long, 4000)
    assert len(text.replace("\n", "")) <= 4000
    assert text.endswith(mapping.CUT_MARK)
    assert _problems(_document(long), long) == []


def _broken(old: str, new: str) -> bytes:
    content = _document()
    assert old.encode() in content
    return content.replace(old.encode(), new.encode(), 1)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("<?xml version='1.0' encoding='us-ascii'?>\n", "", 1),
        ("</adf>", "", 1),
        ('<?adf version="1.0"?>\n', "", 2),
        ('<?adf version="1.0"?>', '<?adf version="1.1"?>', 2),
        ('<?adf version="1.0"?>', '<?adf version="1.0"?><?adf version="1.0"?>', 2),
        ("<adf>", '<adf xmlns="urn:x">', 3),
        ('<?adf version="1.0"?>', '<!DOCTYPE adf><?adf version="1.0"?>', 3),
        ("</prospect>", '</prospect><prospect status="new"/>', 4),
        ("<year>2024</year>", "", 5),
        ("<make>Volvo</make>\n      <model>V60</model>", "<model>V60</model><make>V</make>", 5),
        ("<vendorname>Acme Motors</vendorname>", "<vendorname><b/></vendorname>", 5),
        ("<make>Volvo</make>", "<make>Volvo</make><colour>red</colour>", 6),
        ("<make>Volvo</make>", '<make of="x">Volvo</make>', 6),
        ("<make>Volvo</make>", "<make>Volvo<!-- hello --></make>", 6),
        ('interest="test-drive"', 'interest="steal"', 7),
        ('part="first"', 'part="given"', 7),
        ('status="new">', 'status="resend">', 8),
        ("2026-11-22T08:40:07-06:00", "2026-11-22T08:40:07-06:0", 9),
        ("2026-11-22T08:40:07-06:00", "2026-11-22T09:40:07-06:00", 9),
        ("0198c0de-0000-7000-8000-000000000001", "another", 10),
        (' source="Switchboard"', "", 10),
        ('preferredcontact="1">mia@visitors.example', ">", 11),
        ('part="last"', 'part="full"', 12),
        ("<year>2024</year>", "<year>24</year>", 13),
        ("<vendorname>Acme Motors</vendorname>", "<vendorname/>", 14),
        (">Switchboard</name>", ">Somebody</name>", 15),
        ("Do you have a V60?", "Do you have a V70?", 17),
        (">Mia</name>", ">Max</name>", 17),
        ("</comments>", "x" * 5000 + "</comments>", 20),
    ],
)
def test_every_rule_finds_what_breaks_it(old: str, new: str, rule: int) -> None:
    content = _broken(old, new)
    if rule == 11:
        content = content.replace(b'<phone type="voice">+12025550101</phone>', b"")
    assert any(problem.startswith(f"{rule}:") for problem in _problems(content))


def test_an_entity_bomb_is_not_expanded() -> None:
    bomb = (
        b"<?xml version='1.0'?>\n<!DOCTYPE adf [<!ENTITY a 'aaaaaaaaaa'>"
        b"<!ENTITY b '&a;&a;&a;&a;'>]>\n<?adf version=\"1.0\"?>\n<adf>&b;</adf>"
    )
    assert any(problem.startswith("3:") for problem in _problems(bomb))


@given(name=NASTY, notes=NASTY, text=NASTY, interest=NASTY)
def test_whatever_people_write_the_document_and_its_mail_are_valid(
    name: str, notes: str, text: str, interest: str
) -> None:
    odd = lead(
        contact=Contact(f"M{name}", "mia@visitors.example", "+1 202-555-0101", "+12025550101"),
        notes=notes,
        interest=interest,
        transcript=(Line(1, NOON, "visitor", name, text),),
    )
    outgoing = CONNECTOR.build(_push(odd), STORED, "{}")
    assert CONNECTOR.problems(outgoing, _push(odd), STORED) == []
    outgoing.body.decode("ascii")


@given(text=NASTY)
def test_no_line_is_too_long_and_nothing_is_lost_by_folding(text: str) -> None:
    pieces = mapping._fold(mapping.clean(text).replace("\n", " "))
    assert all(sum(map(mapping._width, piece)) <= mapping.LINE_BYTES for piece in pieces)
    assert "".join(pieces).replace(" ", "") == mapping.clean(text).replace("\n", "").replace(
        " ", ""
    )


def test_a_mail_with_anything_else_in_it_is_found() -> None:
    content = _document()
    good = message.mail(_push(), SETTINGS.target, content, sender="S <s@switchboard.example>")
    raw = good.as_bytes()
    assert rules.message_problems(raw, content) == []
    for old, new, rule in (
        (b"text/plain", b"text/html", "18"),
        (b"</adf>", b"</adf>\r\nSent from my phone", "18"),
        (b"Subject: New lead - Switchboard", b"Subject: Mia Visitor", "21"),
        (b"Subject:", b"Bcc: evil@example.com\r\nSubject:", "19"),
        (b"<vendorname>", b"<vendorname>" + b"x" * 1000, "18"),
    ):
        assert old in raw
        broken = raw.replace(old, new, 1)
        assert any(p.startswith(f"{rule}:") for p in rules.message_problems(broken, content))


def test_a_real_mail_server_receives_one_plain_part_that_is_the_document(mailbox: Mailbox) -> None:
    emoji = lead(notes="Grüße 🚗 ]]> & <b>")
    outgoing = CONNECTOR.build(_push(emoji), STORED, "{}")
    incoming, result = CONNECTOR.send(outgoing, 5)
    assert result.outcome == Outcome.SUCCESS
    assert result.status == incoming.status == 250
    raw = mailbox.mails[0]
    content = mapping.document(emoji, SETTINGS, resend=False)
    assert rules.message_problems(raw, content) == []
    received = email.message_from_bytes(raw)
    assert received["content-transfer-encoding"] == "7bit"
    body = only_part(received).replace(b"\r\n", b"\n")
    assert rules.document_problems(body, emoji, SETTINGS, resend=False) == []
    assert "Grüße 🚗 ]]> & <b>" in etree.fromstring(body).findtext("prospect/customer/comments", "")
    assert mailbox.recipients == ["leads@store.crm.example"]


def test_sent_again_it_carries_the_same_message_id(mailbox: Mailbox) -> None:
    for push in (_push(), _push(resend=True)):
        CONNECTOR.send(CONNECTOR.build(push, STORED, "{}"), 5)
    ids = [email.message_from_bytes(raw)["message-id"] for raw in mailbox.mails]
    assert ids == ["<lead_1_r1@switchboard.localhost>"] * 2


@pytest.mark.parametrize(
    ("data", "rcpt", "outcome"),
    [
        ("451 4.3.0 Later", "", Outcome.RETRYABLE),
        ("554 5.6.0 No", "", Outcome.PERMANENT),
        ("", "450 4.2.0 Greylisted", Outcome.RETRYABLE),
        ("", "550 5.1.1 No such mailbox", Outcome.PERMANENT),
    ],
)
def test_what_a_mail_server_answers_decides(
    mailbox: Mailbox, data: str, rcpt: str, outcome: Outcome
) -> None:
    mailbox.refuse_data, mailbox.refuse_rcpt = data, rcpt
    _, result = CONNECTOR.send(CONNECTOR.build(_push(), STORED, "{}"), 5)
    assert result.outcome == outcome
    assert mailbox.mails == []


def test_no_mail_server_is_retried(settings: object, mailbox: Mailbox) -> None:
    settings.EMAIL_PORT = 1  # type: ignore[attr-defined]
    _, result = CONNECTOR.send(CONNECTOR.build(_push(), STORED, "{}"), 1)
    assert result.outcome == Outcome.RETRYABLE


def test_a_mail_server_that_wants_tls_gets_it(
    settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", key, "-out", tmp_path / "public.pem"),
        ],
        check=True,
        capture_output=True,
    )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "public.pem", key)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "public.pem"))
    with mail_double(tls) as (box, port):
        settings.EMAIL_HOST, settings.EMAIL_PORT = "localhost", port
        settings.EMAIL_USE_TLS, settings.EMAIL_HOST_USER = True, ""
        _, result = CONNECTOR.send(CONNECTOR.build(_push(), STORED, "{}"), 10)
        assert result.outcome == Outcome.SUCCESS
        assert len(box.mails) == 1


def test_by_http_the_same_document_is_posted(crm: HttpDouble) -> None:
    stored = json.dumps({"transport": "http", "target": crm.url, "vendor_name": "Acme Motors"})
    outgoing = CONNECTOR.build(_push(), stored, "{}")
    assert CONNECTOR.problems(outgoing, _push(), stored) == []
    _, result = CONNECTOR.send(outgoing, 1)
    assert result.outcome == Outcome.SUCCESS
    assert crm.received[0].headers["content-type"] == "application/xml"
    assert crm.received[0].body.startswith(b"<?xml ")


def test_http_answers_decide_as_everywhere(crm: HttpDouble) -> None:
    crm.answers = [doubles.status(500)]
    stored = json.dumps({"transport": "http", "target": crm.url, "vendor_name": "Acme Motors"})
    assert CONNECTOR.send(CONNECTOR.build(_push(), stored, "{}"), 1)[1].outcome == Outcome.RETRYABLE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", "nobody"),
        ("target", "a@b\r\nBcc: c@d.example"),
        ("target", "<x>@store.example"),
        ("vendor_name", ""),
        ("vendor_name", "x" * 91),
        ("comments_limit", "many"),
        ("comments_limit", "10"),
        ("transport", "fax"),
    ],
)
def test_wrong_settings_are_refused_by_their_field(field: str, value: str) -> None:
    good = {"transport": "email", "target": "leads@store.crm.example", "vendor_name": "Acme"}
    assert parse(good)["comments_limit"] == 4000
    with pytest.raises(SettingsRefused) as caught:
        parse({**good, field: value})
    assert list(caught.value.fields) == [field]
