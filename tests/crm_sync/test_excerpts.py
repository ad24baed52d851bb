import json
import re
import time
from urllib.parse import quote

import pytest

from chat.lead_payload import Contact, LeadPayload, Line, Page, masked
from crm_sync import excerpts
from crm_sync.connectors.base import Incoming, Outgoing
from crm_sync.private_words import MOST_CHARACTERS, PrivateWords
from tests.crm_sync.builders import NOON, lead

LEAD = lead(notes='First line\nsays "hello" & <b>\nGrüße')


def kept(
    answer: str = "", headers: dict[str, str] | None = None, of: LeadPayload = LEAD
) -> excerpts.Excerpt:
    incoming = Incoming(200, headers or {}, answer)
    found = excerpts.decode(excerpts.redacted(Outgoing("", {}, b""), incoming, PrivateWords.of(of)))
    assert found is not None
    return found


def test_an_answer_that_repeats_the_lead_is_cleaned_however_it_spells_it() -> None:
    for answer in (
        LEAD.notes,
        json.dumps({"notes": LEAD.notes}),
        json.dumps({"notes": LEAD.notes}, ensure_ascii=False),
        "<p>First line</p><p>says &quot;hello&quot; &amp; &lt;b&gt;</p>",
        "unknown person: Mia Visitor <mia@visitors.example>, +12025550101, (202) 555-0101",
    ):
        clean = kept(answer).answer
        for private in ("First", "Gr", "Mia", "Visitor", "visitors.example", "555"):
            assert private not in clean


def test_an_answer_that_changes_case_is_cleaned_and_the_rest_keeps_its_own() -> None:
    of = lead(contact=Contact("Mia Weiß", "", "", "", ""), notes="Zoë Müller Çelik")
    for told in (
        "MIA WEIß",
        "mia weiß",
        "MIA WEISS",
        "zoË mÜller çelik",
        json.dumps("ZOË MÜLLER ÇELIK")[1:-1],
        quote("ZOË MÜLLER ÇELIK"),
        quote("zoë müller çelik").lower(),
    ):
        assert kept(f"İ Who is {told}? İ Nobody.", of=of).answer == "İ Who is •••? İ Nobody."
    assert kept("Mia Visitor, then MIA and mia.").answer == "•••, then ••• and •••."


def test_the_pages_before_and_of_the_chat_are_cleaned_with_and_without_their_queries() -> None:
    page = Page(
        "https://www.acme.example/v60?for=Mia#form", "", "https://mail.example/inbox?of=17#top"
    )
    of = lead(page=page)
    for address in (
        page.url,
        page.referrer,
        "https://www.acme.example/v60",
        "https://mail.example/inbox",
        "HTTPS%3A%2F%2FMAIL.EXAMPLE%2FINBOX",
    ):
        assert kept(f"from {address}", of=of).answer == "from •••"


def test_a_location_loses_its_query_however_that_is_spelled() -> None:
    for rest in ("?vin=unknown", "#unknown", "%3Fvin%3Dunknown", "%23unknown"):
        shown = kept("", {"Location": f"https://crm.example/leads{rest}"}).answer_headers
        assert shown == {"Location": "https://crm.example/leads"}


def test_words_that_are_not_the_leads_stay_readable() -> None:
    assert kept("Field Phone2 is required.").answer == "Field Phone2 is required."


def test_a_hostile_answer_costs_little_time() -> None:
    for answer in (
        *("x" * 65_536, "1 " * 32_768, "@" * 65_536, "a@" * 32_768),
        *("&" + "amp;" * 16_384, "%25" * 21_845, "\\" * 65_536, "e\u0301" * 32_768),
    ):
        started = time.process_time()
        kept(answer)
        assert time.process_time() - started < 2


def test_nothing_is_read_behind_what_is_kept_of_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    hidden_in = PrivateWords.hidden_in

    def counting(private: PrivateWords, text: str) -> str:
        read.append(len(text))
        return hidden_in(private, text)

    monkeypatch.setattr(PrivateWords, "hidden_in", counting)
    shown = kept("x " * 32_768, {"Server": "y " * 32_768})
    assert shown.answer == f"{'x ' * 1000}\n… (63536 more)"
    assert shown.answer_headers == {"Server": "y " * 150}
    assert sum(read) < 4_000


def test_a_word_of_the_lead_on_the_cut_is_hidden() -> None:
    for before in range(1960, 2010):
        answer = kept("-" * before + LEAD.notes.replace("\n", " ") + "-" * 5_000).answer
        assert re.fullmatch(r"-+•*-*\n… \([0-9]+ more\)", answer)
    assert kept(f"{LEAD.notes} " * 2_000).answer.startswith("•••\n… (")


def test_of_a_lead_too_long_to_be_compared_no_answer_is_kept_and_the_log_says_so() -> None:
    line = Line(1, NOON, "visitor", "Mia", "z" * MOST_CHARACTERS)
    of = lead(transcript=(line,))
    shown = kept("Who is Mia?", {"Server": "for Mia"}, of)
    assert (shown.status, shown.answer, shown.answer_headers) == (200, excerpts.NOT_KEPT, {})
    assert kept("", of=of).answer == ""
    of = lead(transcript=(Line(1, NOON, "visitor", "Mia", "\ufdfa" * (MOST_CHARACTERS // 2)),))
    assert kept("Who is Mia?", of=of).answer == excerpts.NOT_KEPT


def test_many_headers_and_a_long_chat_cost_little_time_and_leave_the_known_ones() -> None:
    lines = tuple(Line(n, NOON, "visitor", "Mia", f"{n} " + "ü" * 500) for n in range(90))
    headers = {"Server": f"for {lines[7].text}", "Date": "Sun", "Location": "https://x.example/ü?q"}
    headers |= {f"x-{n}": "x" * 100 for n in range(200)}
    started = time.process_time()
    shown = kept("x" * 65_536, headers, lead(transcript=lines)).answer_headers
    assert time.process_time() - started < 2
    assert shown == {"Server": "for •••", "Date": "Sun", "Location": "https://x.example/ü"}


def test_a_masked_lead_tells_lengths_and_presence_only() -> None:
    hidden = masked(LEAD)
    assert hidden.contact.name == "M•• V••••••"
    assert hidden.contact.email == "m••@v••••••••"
    assert hidden.contact.phone_e164 == "+•••••••••01"
    assert hidden.notes == "(35 characters)"
    assert hidden.transcript[0].text == "(18 characters)"
    assert hidden.transcript[0].author == "visitor"
    assert hidden.lead_id == LEAD.lead_id
