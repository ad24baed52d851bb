import uuid
from typing import Any

from django import forms

from tenants.forms.days import DayField, beginning, end
from tenants.models import Verb
from tenants.queries.audit_log import AuditFilter, words


class AuditFilterForm(forms.Form):
    verb = forms.ChoiceField(label="What", required=False)
    actor = forms.ChoiceField(label="Who", required=False)
    since = DayField(label="From")
    until = DayField(label="To")
    target = forms.CharField(label="Id of the thing", required=False, max_length=64)

    def __init__(self, *args: Any, actors: dict[uuid.UUID, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["verb"].choices = [("", "Everything"), *((v, words(v)) for v in Verb.values)]  # type: ignore[attr-defined]
        people = sorted(actors.items(), key=lambda item: item[1].casefold())
        self.fields["actor"].choices = [("", "Everybody"), *((str(k), v) for k, v in people)]  # type: ignore[attr-defined]

    def wanted(self, time_zone: str) -> AuditFilter:
        """The filter of a bound form; what does not validate is left out."""
        self.is_valid()
        data = self.cleaned_data
        return AuditFilter(
            verb=data.get("verb", ""),
            actor_id=uuid.UUID(data["actor"]) if data.get("actor") else None,
            since=beginning(data.get("since"), time_zone),
            until=end(data.get("until"), time_zone),
            target_id=data.get("target", ""),
        )
