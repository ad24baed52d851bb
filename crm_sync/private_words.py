"""What a lead says, found again in whatever spelling somebody repeats it."""

import functools
import html
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple, Self

from chat.interface import LeadPayload, private_texts

MASK = "•••"
# So many letters in a row that are a lead's too were taken from it. Fewer count where they are all
# of a text or of its line, and stand as words of their own: a "hi" is part of many.
_RUN = 12
_FEWEST = 4
_FEWEST_OF_A_NAME = 2
_NUMBER = 7
_ESCAPED = re.compile(
    r"""
      \\ (?: [\\bfnrt] | u d[89ab][0-9a-f]{2} \\u d[c-f][0-9a-f]{2} | u [0-9a-f]{4} )
    | % (?: [cd][0-9a-f] %[89ab][0-9a-f]
        | e[0-9a-f] (?: %[89ab][0-9a-f] ){2}
        | f[0-7] (?: %[89ab][0-9a-f] ){3}
        | [0-9a-f]{2} )
    | & (?: \#[0-9]{1,7} | \#x[0-9a-f]{1,6} | [a-z][0-9a-z]{1,31} ) ;
    """,
    re.IGNORECASE | re.VERBOSE,
)
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
    composes a letter, nor the escapes of JSON, HTML and URLs make a difference. Of `names`, shorter
    ones count than of `texts`.
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
    def of(cls, lead: LeadPayload) -> Self:
        """All that a person wrote, and whatever tells who they are, however short."""
        contact = lead.contact
        names = (contact.name, *contact.name.split(), contact.email, contact.phone)
        return cls(private_texts(lead), names)

    def _add(self, text: str, fewest: int) -> None:
        for part in {text, *text.splitlines()}:
            letters = _read(part).letters
            self._runs.update(_runs_of(letters))
            if fewest <= len(letters) < _RUN:
                self._short.add(letters)
        digits = re.sub("[^0-9]", "", _read(text).letters)
        if len(digits) >= _NUMBER:
            self._numbers.add(digits[-_NUMBER:])

    def hidden_in(self, text: str) -> str:
        """The text with a mask in the place of each of them; the rest stays as it is spelled."""
        reading = _read(text)
        parts, at = [], 0
        for first, end in self._found_in(reading):
            parts += [text[at : reading.places[first][0]], MASK]
            at = reading.places[end - 1][1]
        return "".join([*parts, text[at:]])

    def are_in(self, text: str) -> bool:
        """Whether any of them is told."""
        return bool(self._found_in(_read(text)))

    def _found_in(self, reading: _Reading) -> list[_Place]:
        """From which letter to which, in order; what overlaps is one."""
        letters, _, edges = reading
        found = [(at, at + _RUN) for at, run in enumerate(_runs_of(letters)) if run in self._runs]
        for text in self._short:
            at = letters.find(text)
            while at >= 0:
                if at in edges and at + len(text) in edges:
                    found.append((at, at + len(text)))
                at = letters.find(text, at + 1)
        for number in self._numbers:
            found += [match.span() for match in re.finditer(f"[0-9]{{0,8}}{number}", letters)]
        merged: list[_Place] = []
        for first, end in sorted(found):
            if merged and first < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((first, end))
        return merged


def _runs_of(letters: str) -> Iterable[str]:
    return (letters[at : at + _RUN] for at in range(len(letters) - _RUN + 1))


def _read(text: str) -> _Reading:
    letters: list[str] = []
    places: list[_Place] = []
    edges = {0}
    for character, place in zip(*_unescaped(text), strict=True):
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


@functools.lru_cache(maxsize=4096)
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
        parts: list[str] = []
        spelled: list[_Place] = []
        at = 0
        for match in _ESCAPED.finditer(text):
            meant = _meant_by(match[0])
            parts += [text[at : match.start()], meant]
            whole = (places[match.start()][0], places[match.end() - 1][1])
            spelled += [*places[at : match.start()], *[whole] * len(meant)]
            at = match.end()
        if at == 0:
            break
        text, places = "".join([*parts, text[at:]]), [*spelled, *places[at:]]
    return text, places


def _meant_by(escape: str) -> str:
    """The character behind an escape of JSON (RFC 8259), a URL (RFC 3986) or HTML."""
    kind, rest = escape[0], escape[1:].lower()
    if kind == "&":
        known = html.unescape(escape)
        return known if known != escape else html.unescape(f"&{rest}")
    if kind == "%":
        raw = bytes.fromhex(rest.replace("%", ""))
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    if rest[0] == "u":
        return bytes.fromhex(re.sub(r"\\?u", "", rest)).decode("utf-16-be", "replace")
    return "\\" if rest == "\\" else " "
