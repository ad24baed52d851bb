import datetime
import zoneinfo

from django import forms

from chat.models import Conversation
from chat.queries.conversations import ConversationFilter


class ConversationFilterForm(forms.Form):
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *Conversation.State.choices]
    )
    phase = forms.ChoiceField(
        label="Started", required=False, choices=[("", "At any time"), *Conversation.Phase.choices]
    )
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def wanted(self, time_zone: str) -> ConversationFilter:
        """The filter of a bound form, days in the company's zone; what is invalid is left out."""
        self.is_valid()
        data = self.cleaned_data
        zone = zoneinfo.ZoneInfo(time_zone)
        until: datetime.date | None = data.get("until")
        since: datetime.date | None = data.get("since")
        midnight = datetime.time()
        return ConversationFilter(
            state=data.get("state", ""),
            phase=data.get("phase", ""),
            since=datetime.datetime.combine(since, midnight, zone) if since else None,
            until=datetime.datetime.combine(until + datetime.timedelta(days=1), midnight, zone)
            if until
            else None,
        )


class WebsiteForm(forms.Form):
    website = forms.CharField(
        max_length=300,
        widget=forms.TextInput(
            attrs={"placeholder": "https://www.example.com", "inputmode": "url"}
        ),
        help_text="Scheme and host, such as https://www.example.com. Each host counts by itself.",
    )
