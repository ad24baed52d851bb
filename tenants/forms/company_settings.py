from django import forms

from tenants import time_zones


class CompanySettingsForm(forms.Form):
    name = forms.CharField(label="Company", max_length=120)
    website = forms.URLField(max_length=300, required=False, assume_scheme="https")
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=time_zones.choices,
        help_text="Office hours and reports follow it. Past chats keep the phase they started in.",
    )
