"""Characters that nobody sees: text of them alone is empty, and an address has none."""

import re

# For a character class of a regular expression: white space, controls but NUL, and what Unicode
# calls Default_Ignorable_Code_Point (DerivedCoreProperties), with the empty Braille cell.
BLANK = (
    r"\s\x01-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# What Unicode calls a format character (Cf) though it is seen, such as the Arabic number signs.
_FORMATS = r"\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f"
_only_blanks = re.compile(rf"[\x00{BLANK}]*").fullmatch
_no_part_of_an_address = re.compile(rf"[\x00{BLANK}{_FORMATS}]").search


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen."""
    return _only_blanks(text) is not None


def trimmed(text: str) -> str:
    """The text without white space around it, '' where nothing of it can be seen."""
    return "" if is_blank(text) else text.strip()


def has_unseen(address: str) -> bool:
    """Whether the address holds white space or what cannot be seen or directs how text is set."""
    return _no_part_of_an_address(address) is not None
