"""What cannot be seen is no text, and no part of an address."""

import sys
import unicodedata

from tenants.unseen import has_unseen, is_blank


def test_an_address_has_no_control_or_format_character_and_none_that_is_blank() -> None:
    """Unicode's own list of the former; what a new edition of it adds shows here."""
    fit = [chr(point) for point in range(sys.maxunicode + 1) if not has_unseen(chr(point))]
    assert [c for c in fit if unicodedata.category(c) in ("Cc", "Cf") or is_blank(c)] == []
    assert not has_unseen("vera.müller+chat@home.example")


def test_what_is_seen_is_text_though_it_be_a_mark_alone() -> None:
    assert not any(map(is_blank, ("\u0600", "\u0301", "\u263a\ufe0f", " . ")))
    assert is_blank("\u200b \u3164\n")
