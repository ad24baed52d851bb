"""Characters that nobody sees: text of them alone is empty, and an address has none."""

import re
import unicodedata

from django.core.exceptions import ValidationError

# For a character class of a regular expression: white space, controls but NUL, and what Unicode
# calls Default_Ignorable_Code_Point (DerivedCoreProperties), with the empty Braille cell.
BLANK = (
    r"\s\x01-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_only_blanks = re.compile(rf"[\x00{BLANK}]*").fullmatch


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen."""
    return _only_blanks(text) is not None


def has_controls(text: str) -> bool:
    """Whether the text holds control or format characters (Unicode's categories Cc and Cf)."""
    return any(unicodedata.category(character) in ("Cc", "Cf") for character in text)


def refuse_controls(text: str) -> None:
    """A validator for forms. Raises ValidationError."""
    if has_controls(text):
        raise ValidationError("Take out the characters that cannot be seen.", code="invalid")
