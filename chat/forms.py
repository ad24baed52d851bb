from django import forms

from chat.models import Conversation
from chat.queries.conversations import ConversationFilter
from tenants.forms.days import DayField, beginning, end


class ConversationFilterForm(forms.Form):
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *Conversation.State.choices]
    )
    phase = forms.ChoiceField(
        label="Started", required=False, choices=[("", "At any time"), *Conversation.Phase.choices]
    )
    since = DayField(label="From")
    until = DayField(label="To")

    def wanted(self, time_zone: str) -> ConversationFilter:
        """The filter of a bound form, days in the company's zone; what is invalid is left out."""
        self.is_valid()
        data = self.cleaned_data
        return ConversationFilter(
            state=data.get("state", ""),
            phase=data.get("phase", ""),
            since=beginning(data.get("since"), time_zone),
            until=end(data.get("until"), time_zone),
        )


class WebsiteForm(forms.Form):
    website = forms.CharField(
        max_length=300,
        widget=forms.TextInput(
            attrs={"placeholder": "https://www.example.com", "inputmode": "url"}
        ),
        help_text="Scheme and host, such as https://www.example.com. Each host counts by itself.",
    )
