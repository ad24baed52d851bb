from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from tenants import time_zones
from tenants.addresses import company_host
from tenants.mailboxes import refuse_unreachable
from tenants.models import Company, User
from tenants.queries import slugs


class CompanyForm(forms.Form):
    """A new company, by somebody who is signed in."""

    company = forms.CharField(
        label="Company",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    slug = forms.CharField(
        label="Address of your site",
        max_length=slugs.LONGEST,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    website = forms.URLField(
        label="Website",
        max_length=300,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"autocomplete": "url", "placeholder": "https://"}),
        help_text="Where the chat will stand. You can add more websites later.",
    )
    vertical = forms.ChoiceField(label="Line of business", choices=Company.Vertical.choices)
    time_zone = forms.ChoiceField(
        label="Time zone",
        initial="UTC",
        choices=time_zones.choices,
        widget=forms.Select(attrs={"data-time-zone": ""}),
        help_text="Office hours and reports follow it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            "slug"
        ].help_text = (
            f"Becomes {company_host('your-address')}. Empty: made from the company's name."
        )
        self.slug_suggestions: list[str] = []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "company" in cleaned:
            slug = cleaned.get("slug", "").strip().lower() or slugs.slug_of(cleaned["company"])
            cleaned["slug"] = slug
            problem = slugs.problem_with(slug)
            if problem:
                self.refuse_slug(problem, slug)
        return cleaned

    def refuse_slug(self, sentence: str, slug: str) -> None:
        """Show why the address cannot be had, and free ones like it."""
        self.add_error("slug", sentence)
        self.slug_suggestions = slugs.suggestions(slug)


class SignUpForm(CompanyForm):
    """A new person with a new company."""

    name = forms.CharField(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        validators=[refuse_unreachable],
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = forms.CharField(
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters; a few words in a row are a good one.",
    )

    field_order = ["name", "email", "password", "company", "slug", "website", "vertical"]

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if User.objects.filter(email__iexact=email).exists():
            raise ValidationError(
                "There is an account with this address. Sign in, then add the company."
            )
        return email

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "password" in cleaned:
            person = User(email=cleaned.get("email", ""), name=cleaned.get("name", ""))
            try:
                validate_password(cleaned["password"], person)
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned
