"""What a lead says, found again in whatever spelling somebody repeats it."""

import functools
import html
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Self

from chat.interface import LeadPayload, private_texts

MASK = "•••"
# So many letters in a row that are a lead's too were taken from it. Fewer count where they are all
# of a text or of its line, and stand as words of their own: a "hi" is part of many.
_RUN = 12
_FEWEST = 4
_FEWEST_OF_A_NAME = 2
_NUMBER = 7
# Its country and area.
_BEFORE_NUMBER = 8
# A lead of more characters is not compared: reading it takes some microseconds for each.
MOST_CHARACTERS = 100_000
_NEXT = r"(?: (?: % | = | \\x ) [89ab][0-9a-f] )"
_ESCAPED = re.compile(
    rf"""
      \\ (?: (?-i:U) 00[01][0-9a-f]{{5}} | [\\bfnrt]
        | u d[89ab][0-9a-f]{{2}} \\u d[c-f][0-9a-f]{{2}} | u [0-9a-f]{{4}}
        | u \{{ [0-9a-f]{{1,6}} \}} | 3[0-7]{{2}} (?: \\2[0-7]{{2}} ){{1,3}} )
    | %u [0-9a-f]{{4}}
    | (?: % | = | \\x ) (?: [cd][0-9a-f] {_NEXT} | e[0-9a-f] {_NEXT}{{2}} | f[0-7] {_NEXT}{{3}} )
    | (?: % | \\x ) [0-9a-f]{{2}}
    | & (?: \# (?: [0-9]{{1,7}} | x[0-9a-f]{{1,6}} ) ;? | [a-z][0-9a-z]{{1,31}} ; )
    """,
    re.IGNORECASE | re.VERBOSE,
)
# UTF-8 that was read as Latin-1 or as windows-1252.
_BYTE_OF = {chr(byte): byte for byte in range(0x80, 0x100)} | {
    bytes([byte]).decode("cp1252", "ignore"): byte for byte in range(0x80, 0xA0)
}
_LATER = f"[{''.join(each for each, byte in _BYTE_OF.items() if byte < 0xC0)}]"
_MISREAD = re.compile(f"[Â-ß]{_LATER}|[à-ï]{_LATER}{{2}}|[ð-ô]{_LATER}{{3}}")
# What a reader of the wrong charset makes of everything else.
_LOST = "\ufffd"
_LOSABLE = re.compile(r"[^\x00-\x7f]+")
# JSON within HTML within a URL, and some more.
_DEPTH = 6
_Place = tuple[int, int]


class _Reading(NamedTuple):
    """The letters of a text in the form that all their spellings share."""

    letters: str
    # What each was spelled with.
    places: list[_Place]
    # Before which letters a word may begin and the one before them end.
    edges: set[int]


class PrivateWords:
    """Texts that are found by their letters alone.

    Neither case nor accents, spaces, line breaks and punctuation, nor the form in which Unicode
    composes a letter, nor the escapes of JSON, HTML and URLs, nor a charset mistaken for another
    make a difference. Of `names`, shorter ones count than of `texts`.
    """

    def __init__(self, texts: Iterable[str], names: Iterable[str] = ()) -> None:
        self._runs: set[str] = set()
        self._short: set[str] = set()
        # Their last seven digits: a number may be repeated as one calls it from nearby.
        self._numbers: set[str] = set()
        for text in texts:
            self._add(text, _FEWEST)
        for name in names:
            self._add(name, _FEWEST_OF_A_NAME)

    @classmethod
    def of(cls, lead: LeadPayload) -> Self | None:
        """All that a person wrote, and whatever tells who they are, however short.

        None where that is too much to be compared with an answer while others wait.
        """
        contact = lead.contact
        texts = private_texts(lead)
        if (
            sum(map(len, texts)) > MOST_CHARACTERS
            # Some characters stand for a whole sentence.
            or sum(len(unicodedata.normalize("NFKD", text)) for text in texts) > MOST_CHARACTERS
        ):
            return None
        names = (contact.name, *contact.name.split(), contact.email, contact.phone)
        return cls(texts, names)

    def _add(self, text: str, fewest: int) -> None:
        whole = _letters_in(text)
        self._runs.update(_runs_of(whole))
        digits = re.sub("[^0-9]", "", whole)
        if len(digits) >= _NUMBER:
            self._numbers.add(digits[-_NUMBER:])
        for part in {text, *text.splitlines()}:
            self._add_short(_letters_in(part), fewest)
        if not text.isascii():
            plain = unicodedata.normalize("NFC", text)
            for part in {plain, *plain.splitlines()}:
                letters = _letters_in(_LOSABLE.sub(_LOST, part))
                self._runs.update(run for run in _runs_of(letters) if _is_told_by(run, _FEWEST))
                if _is_told_by(letters, fewest):
                    self._add_short(letters, fewest)

    def _add_short(self, letters: str, fewest: int) -> None:
        if fewest <= len(letters) < _RUN:
            self._short.add(letters)

    def hidden_in(self, text: str) -> str:
        """The text with a mask in the place of each of them; the rest stays as it is spelled."""
        parts, at = [], 0
        for first, end in self._found_in(text):
            parts += [text[at:first], MASK]
            at = end
        return "".join([*parts, text[at:]])

    def are_in(self, text: str) -> bool:
        """Whether any of them is told."""
        return bool(self._found_in(text))

    def _found_in(self, text: str) -> list[_Place]:
        """From which character to which, in order; what overlaps is one."""
        merged: list[_Place] = []
        for first, end in sorted(
            (reading.places[first][0], reading.places[end - 1][1])
            for reading in _readings(text)
            for first, end in self._found_by(reading)
        ):
            if merged and first < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((first, end))
        return merged

    def _found_by(self, reading: _Reading) -> Iterator[_Place]:
        """From which letter to which: a few look-ups at each, however much is looked for."""
        letters, _, edges = reading
        for at, run in enumerate(_runs_of(letters)):
            if run in self._runs:
                yield at, at + _RUN
        for at in edges:
            for end in range(at + _FEWEST_OF_A_NAME, at + _RUN):
                if end in edges and letters[at:end] in self._short:
                    yield at, end
        for at in range(len(letters) - _NUMBER + 1):
            if letters[at : at + _NUMBER] in self._numbers:
                before = letters[max(0, at - _BEFORE_NUMBER) : at]
                yield at - len(before) + len(before.rstrip(string.digits)), at + _NUMBER


def _runs_of(letters: str) -> Iterable[str]:
    return (letters[at : at + _RUN] for at in range(len(letters) - _RUN + 1))


def _is_told_by(letters: str, fewest: int) -> bool:
    """Whether enough of them was not lost, and some was."""
    lost = letters.count(_LOST)
    return lost > 0 and len(letters) - lost >= fewest


def _letters_in(text: str) -> str:
    return "".join(map(_letters_of, _unescaped(text)[0]))


def _readings(text: str) -> Iterator[_Reading]:
    """As it stands, and as it was before somebody read it in the wrong charset."""
    plain, places = _unescaped(text)
    yield _read(plain, places)
    meant = _replaced(plain, places, _MISREAD, _meant_by_misread)
    if meant[0] != plain:
        yield _read(*meant)
    if _LOST in plain:
        yield _read(*_replaced(plain, places, _LOSABLE, lambda _: _LOST))


def _read(text: str, spelled: list[_Place]) -> _Reading:
    letters: list[str] = []
    places: list[_Place] = []
    edges = {0}
    for character, place in zip(text, spelled, strict=True):
        told = _letters_of(character)
        is_mark = unicodedata.category(character)[0] == "M"
        if not told and not is_mark:
            edges.add(len(letters))
        for letter in told:
            if letters and not (_joins(letters[-1]) and _joins(letter)):
                edges.add(len(letters))
            letters.append(letter)
            places.append(place)
        if places and is_mark:
            # An accent that is a character of its own belongs to the letter before it.
            places[-1] = (places[-1][0], place[1])
    edges.add(len(letters))
    return _Reading("".join(letters), places, edges)


@functools.lru_cache(maxsize=4096)
def _joins(letter: str) -> bool:
    """Whether it makes one word with its like.

    Scripts without cases (Lo) write words without spaces, or hang particles on a name.
    """
    category = unicodedata.category(letter)
    return category[0] in "LN" and category != "Lo"


@functools.lru_cache(maxsize=2**16)
def _letters_of(character: str) -> str:
    """Letters, numbers and signs such as emoji, alike in every case and composition.

    Decomposed (UAX 15, NFKD) and without marks, so that each character can be read alone.
    """
    upper = unicodedata.normalize("NFKD", character).upper()
    folded = unicodedata.normalize("NFKD", upper.casefold())
    return "".join(each for each in folded if _tells(unicodedata.category(each)))


def _tells(category: str) -> bool:
    # What this Python's Unicode does not know yet is mostly an emoji.
    return category[0] in "LN" or category in ("So", "Cn", "Co")


def _unescaped(text: str) -> tuple[str, list[_Place]]:
    """The text without escapes, and what each character was spelled with."""
    places = [(at, at + 1) for at in range(len(text))]
    for _ in range(_DEPTH):
        before = text
        text, places = _replaced(text, places, _ESCAPED, _meant_by)
        if text == before:
            break
    return text, places


def _replaced(
    text: str, places: list[_Place], pattern: re.Pattern[str], meaning: Callable[[str], str]
) -> tuple[str, list[_Place]]:
    parts: list[str] = []
    spelled: list[_Place] = []
    at = 0
    for match in pattern.finditer(text):
        meant = meaning(match[0])
        parts += [text[at : match.start()], meant]
        whole = (places[match.start()][0], places[match.end() - 1][1])
        spelled += [*places[at : match.start()], *[whole] * len(meant)]
        at = match.end()
    return "".join([*parts, text[at:]]), [*spelled, *places[at:]]


@functools.lru_cache(maxsize=4096)
def _meant_by(escape: str) -> str:
    """The character behind an escape of JSON (RFC 8259), a URL (RFC 3986), HTML or a language."""
    kind, rest = escape[0], escape[1:].lower()
    if kind == "&":
        known = html.unescape(escape)
        return known if known != escape else html.unescape(f"&{rest}")
    if rest[0] == "u":
        digits = re.sub(r"[\\u{}]", "", rest)
        if len(digits) == 8 and digits[0] == "d":
            return bytes.fromhex(digits).decode("utf-16-be", "replace")
        number = int(digits, 16)
        return chr(number) if number < 0x110000 else _LOST
    if kind != "\\" or rest[0] == "x":
        return _text_of(bytes.fromhex(re.sub(r"%|=|\\x", "", escape.lower())))
    if rest[0] == "3":
        return _text_of(bytes(int(each, 8) for each in rest.split("\\")))
    return "\\" if rest == "\\" else " "


def _meant_by_misread(text: str) -> str:
    raw = bytes(_BYTE_OF[each] for each in text)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return text


def _text_of(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
