"""Nothing of a lead stays in what a CRM repeats of it, however the CRM spells it."""

import html
import json
import textwrap
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from crm_sync.private_words import PrivateWords

Spelling = Callable[[str], str]


def numbered(text: str) -> str:
    """Every character that is not of ASCII, or means something to HTML, by its number."""
    return "".join(f"&#{ord(c)};" if ord(c) > 126 or c in "&<>\"'" else c for c in text)


def numbered_in_hex(text: str) -> str:
    return "".join(f"&#x{ord(c):X};" if ord(c) > 126 or c in "&<>\"'" else c for c in text)


def wrapped(width: int) -> Spelling:
    return lambda text: textwrap.fill(text, width, break_on_hyphens=False)


CASES: list[Spelling] = [str, str.upper, str.lower, str.title, str.casefold]
FORMS: list[Spelling] = [
    lambda text: unicodedata.normalize("NFC", text),
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: unicodedata.normalize("NFKC", text),
    lambda text: unicodedata.normalize("NFKD", text),
]
WRAPS: list[Spelling] = [str, " ".join, *map(wrapped, (5, 20, 72))]
ESCAPES: list[Spelling] = [
    html.escape,
    numbered,
    numbered_in_hex,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: quote(text, safe=""),
    quote_plus,
    lambda text: quote(text, safe="").lower(),
]

letters = st.characters(categories=["Lu", "Ll", "Lt", "Lo", "N", "So"])
words = st.builds(str.__add__, letters, st.text(letters | st.characters(categories=["Mn"])))
# No escapes of its own: half of one would be read otherwise than the whole.
gaps = st.text(" \n\t'\"<>.,;:!?()/-", min_size=1, max_size=3)
# Between two plain letters, for some others come apart into signs that tell nothing.
texts = st.builds(
    lambda first, rest: f"ab{first}{''.join(gap + word for gap, word in rest)}yz",
    words,
    st.lists(st.tuples(gaps, words), max_size=8),
)


@given(
    texts,
    st.sampled_from(CASES),
    st.sampled_from(FORMS),
    st.sampled_from(WRAPS),
    st.lists(st.sampled_from(ESCAPES), max_size=3),
)
def test_no_spelling_leaves_a_word_of_the_lead(
    text: str, case: Spelling, form: Spelling, wrap: Spelling, escapes: list[Spelling]
) -> None:
    told = wrap(form(case(text)))
    for escape in escapes:
        told = escape(told)
    assert PrivateWords([text]).hidden_in(f"[{told}]") == "[•••]"


def test_a_text_that_was_cut_or_quoted_in_pieces_is_found() -> None:
    private = PrivateWords(["Asks for a test drive on Saturday.\nHas two dogs."])
    for told, kept in (
        ("Too long: Asks for a test dri", "Too long: •••"),
        ("> Asks for a test drive\n> on Saturday", "> •••"),
        ("<li>Has two dogs", "<li>•••"),
    ):
        assert private.hidden_in(told) == kept


def test_a_number_is_found_without_its_country_and_however_it_is_grouped() -> None:
    private = PrivateWords(["+1 202-555-0101"])
    for told, kept in (
        ("call (202) 555-0101.", "call (•••."),
        ("?phone=%28202%29%20555%2D0101&", "?phone=%28•••&"),
        ("1.202.5550101", "•••"),
        ("202\uff15550101", "•••"),
    ):
        assert private.hidden_in(told) == kept
    assert private.hidden_in("202-555-0102") == "202-555-0102"


def test_what_is_not_the_leads_stays_as_it_is_spelled() -> None:
    private = PrivateWords(["Asks for a test drive on Saturday."], ["Mia"])
    told = '{"error": "Fu\\u0308r \\u00dcberg&auml;nge: 5%20MB, caf\u00e9 cafe\u0301, \u0130"}'
    assert private.hidden_in(told) == told
    assert private.hidden_in(f"{told} Mi\u0301a {told}") == f"{told} ••• {told}"


def test_short_lines_of_a_chat_leave_an_answer_readable() -> None:
    private = PrivateWords(["hi", "no", "ok", "lead?", "is this the error"])
    told = '{"error": "this misleading id is not known, ok", "token": "broken"}'
    assert private.hidden_in(told) == told
    assert private.hidden_in("Lead: 17, leads: 3, no_lead") == "•••: 17, leads: 3, no_•••"


def test_a_short_name_is_found_as_a_word_of_its_own() -> None:
    private = PrivateWords([], ["Bo", "Mia", "李小龙", "김민수"])
    told = "Bo, (BO) b\u00f6 for_mia%20mia2 robot miasma Bob 客户李小龙不存在 김민수가"
    assert private.hidden_in(told) == (
        "•••, (•••) ••• for_•••%20mia2 robot miasma Bob 客户•••不存在 •••가"
    )


def test_an_id_that_tells_something_of_the_lead_is_noticed() -> None:
    private = PrivateWords(["ok", "https://mail.example/inbox", "2025550101"], ["Mia"])
    for told in ("req-MIA-1", "for_m%C3%AFa", "https://mail.example/inbox", "5550101x"):
        assert private.are_in(told)
    for told in ("", "req-ok-1", "req_0198c0de:7", "miasma"):
        assert not private.are_in(told)


def test_a_name_is_found_whatever_charset_or_language_spelled_it() -> None:
    private = PrivateWords([], ["Zoë Müller", "Иван Петров", "李小龙"])
    for told in (
        "Zo\ufffd M\ufffdller",
        "Zo\ufffd\ufffd M\ufffd\ufffdller",
        *(
            name.encode().decode(charset, "ignore")
            for name in ("Zoë Müller", "李小龙", "Иван Петров")
            for charset in ("latin-1", "cp1252")
            if charset == "latin-1" or name == "Zoë Müller"
        ),
        "Zo\\xc3\\xab M\\xC3\\xBCller",
        "Zo\\xeb M\\xfcller",
        "Zo\\u{eb} M\\u{fc}ller",
        "Zo\\U000000eb M\\U000000fcller",
        "Zo\\303\\253 M\\303\\274ller",
        "Zo%u00eb M%u00FCller",
        "Zo&#235 M&#252ller",
        "Zo=C3=AB M=C3=BCller",
    ):
        assert private.hidden_in(f"[{told}]") == "[•••]"
    for told in ("Zo= M=", "caf\ufffd \ufffd\ufffd", "Неверный запрос", "Ã« Ã¼", "\\U99999999"):
        assert private.hidden_in(told) == told


class Counting(set[str]):
    """A set that counts how often it was asked."""

    asked = 0

    def __contains__(self, item: object) -> bool:
        self.asked += 1
        return super().__contains__(item)


def test_what_is_looked_for_makes_no_more_look_ups() -> None:
    for answer in ("0" * 2000, "ab " * 700, "a\ufffd" * 1000, "Ã¼" * 1000):
        asked = []
        for size in (1, 3000):
            lines = "\n".join(f"ü{n:06} l{n}" for n in range(size))
            private = PrivateWords([lines], [f"{n:07}" for n in range(1, size + 1)])
            sets = [Counting(private._runs), Counting(private._short), Counting(private._numbers)]
            private._runs, private._short, private._numbers = sets
            private.hidden_in(answer)
            asked.append(sum(each.asked for each in sets))
        assert asked[0] == asked[1] < 30 * len(answer)
