"""Forms of the connections' pages: parsing only."""

import datetime
import uuid
from collections.abc import Mapping
from typing import Any

from django import forms

from crm_sync.connectors.base import Connector, SettingField
from crm_sync.models import Delivery
from crm_sync.queries import deliveries

_DAY = datetime.timedelta(days=1)
SINCE_CHOICES = [
    ("", "Any time"),
    ("1", "Last 24 hours"),
    ("7", "Last 7 days"),
    ("30", "Last 30 days"),
]


class ConnectionForm(forms.Form):
    """Name, the connector's own settings, and the agreement where health information goes."""

    name = forms.CharField(max_length=80, help_text="How your colleagues recognise it.")

    def __init__(
        self,
        *,
        connector: Connector,
        asks_baa: bool,
        data: Mapping[str, str] | None = None,
        initial: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(data, initial={"name": connector.name, **(initial or {})})
        self.connector = connector
        for field in connector.fields:
            self.fields[field.name] = _form_field(field)
        if asks_baa:
            self.fields["baa_reference"] = forms.CharField(
                label="Business associate agreement",
                max_length=120,
                help_text="Its number or date. Without one, leads are held and nothing is sent.",
                required=False,
            )

    def values(self) -> dict[str, str]:
        """What was typed, for the connector to parse."""
        typed = {field.name: self.cleaned_data[field.name] for field in self.connector.fields}
        return {
            name: ("yes" if value is True else "" if value in (False, None) else str(value))
            for name, value in typed.items()
        }

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Show what the connector does not accept."""
        for name, sentence in errors.items():
            self.add_error(name if name in self.fields else None, sentence)


class LogFilterForm(forms.Form):
    """The filters of the delivery log; wrong ones filter nothing."""

    lead = forms.UUIDField(required=False, widget=forms.HiddenInput)
    connection = forms.ChoiceField(required=False)
    state = forms.ChoiceField(required=False, choices=[("", "Any"), *Delivery.State.choices])
    since = forms.ChoiceField(required=False, choices=SINCE_CHOICES)

    def __init__(
        self, data: Mapping[str, str], *, connections: list[tuple[uuid.UUID, str]]
    ) -> None:
        super().__init__(data)
        self.fields["connection"].choices = [  # type: ignore[attr-defined]
            ("", "All"),
            *((str(key), name) for key, name in connections),
        ]

    def wanted(self, now: datetime.datetime) -> deliveries.Filter:
        self.is_valid()
        connection, days = self.cleaned_data.get("connection"), self.cleaned_data.get("since")
        return deliveries.Filter(
            lead_id=self.cleaned_data.get("lead"),
            connection_id=uuid.UUID(connection) if connection else None,
            state=self.cleaned_data.get("state", ""),
            since=now - int(days) * _DAY if days else None,
        )


class ReplaySinceForm(forms.Form):
    """From when on everything goes again, in the zone that is active: the company's."""

    since = forms.DateTimeField(
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )


def _form_field(field: SettingField) -> forms.Field:
    required = field.required and field.kind != "flag"
    common: dict[str, Any] = {"label": field.label, "help_text": field.help, "required": required}
    if field.kind == "choice":
        return forms.ChoiceField(choices=field.choices, **common)
    if field.kind == "flag":
        return forms.BooleanField(initial=True, **common)
    widget = forms.TextInput(
        attrs={"inputmode": {"url": "url", "number": "numeric"}.get(field.kind, "text")}
    )
    initial = "4000" if field.kind == "number" else ""
    return forms.CharField(max_length=2000, widget=widget, initial=initial, **common)
