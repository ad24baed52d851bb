"""A field that cannot read what was typed says what to do."""

from collections.abc import Callable
from typing import Any

import pytest
from django import forms
from django.test import Client

from chat.views.branding import BrandingForm
from crm_sync.forms import ReplaySinceForm
from tenants.forms.days import DayField
from tenants.forms.people import InviteForm
from tests.cast import Cast

STOCK = "Enter a valid"


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        (forms.EmailField(), "olga", "Write an address like name@example.com."),
        (
            forms.URLField(assume_scheme="https"),
            "http://a b",
            "Write a website's address like https://www.example.com.",
        ),
        (DayField(), "soon", "Write a day like 2026-03-31."),
        (DayField(), "1600-01-01", "Choose a day from 1970 on."),
        (forms.TimeField(), "noon", "Write a time like 17:30."),
        (forms.IntegerField(), "three", "Write a whole number like 3."),
        (forms.ChoiceField(), "other", "Choose one of those that are offered."),
        (InviteForm.base_fields["email"], "olga@", "Write an address like name@example.com."),
        (
            ReplaySinceForm.base_fields["since"],
            "yesterday",
            "Write a day and a time like 2026-03-31 17:30.",
        ),
        (
            BrandingForm.base_fields["colour"],
            "blue",
            "Choose a colour, or write one like #0b5fff.",
        ),
    ],
)
def test_it_says_what_to_write(field: forms.Field, typed: str, sentence: str) -> None:
    with pytest.raises(forms.ValidationError) as refused:
        field.clean(typed)
    assert refused.value.messages == [sentence]


def test_what_is_wrong_with_a_readable_address_is_still_said() -> None:
    with pytest.raises(forms.ValidationError) as refused:
        InviteForm.base_fields["email"].clean("olga\u200b@people.example")
    assert "Take out the characters that cannot be seen." in refused.value.messages


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/admin/settings/", {"name": "Acme", "website": "http://a b", "time_zone": "UTC"}),
        ("/admin/people/invite/", {"email": "olga", "role": "agent"}),
        # Pages of allauth's.
        ("/accounts/login/", {"login": "olga", "password": "x"}),
        ("/accounts/password/reset/", {"email": "olga"}),
    ],
)
def test_no_page_answers_with_a_stock_sentence(
    cast: Cast, client_for: Callable[..., Client], path: str, data: dict[str, Any]
) -> None:
    client = client_for(None if path.startswith("/accounts/") else cast.olga, cast.acme)
    page = client.post(path, data).content.decode()
    assert STOCK not in page
    assert 'class="field__error"' in page


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        (forms.CharField(), "Fill this in."),
        (forms.EmailField(), "Fill this in."),
        (forms.BooleanField(), "Tick this to go on."),
        (forms.ChoiceField(), "Choose one of those that are offered."),
        (forms.ImageField(), "Choose a file."),
        (InviteForm.base_fields["email"], "Fill this in."),
    ],
)
def test_of_what_was_left_out_it_says_what_to_do(field: forms.Field, sentence: str) -> None:
    with pytest.raises(forms.ValidationError) as refused:
        field.clean(None)
    assert refused.value.messages == [sentence]
