from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from tenants.mailboxes import refuse_unreachable
from tenants.models import Role, User

ROLES_EXPLAINED = {
    Role.OWNER: "everything, and at least one stays",
    Role.ADMIN: "everything",
    Role.SUPERVISOR: "conversations, leads, reports, replies, the desk and everybody's chats",
    Role.AGENT: "the desk: answers chats",
    Role.AUDITOR: "reads the audit log, conversations and reports; changes nothing",
}


class InviteForm(forms.Form):
    email = forms.EmailField(
        validators=[refuse_unreachable],
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        choices=[(role, f"{role.label}: {ROLES_EXPLAINED[role]}") for role in Role],
        initial=Role.AGENT,
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class NewPersonForm(forms.Form):
    """An invited person who has no account yet."""

    name = forms.CharField(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters; a few words in a row are a good one.",
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self.email, name=self.cleaned_data.get("name", "")))
        return password
