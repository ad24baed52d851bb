"""What a field says of input it cannot take: what to do, instead of what was not valid."""

from django import forms

_SENTENCES: dict[type[forms.Field], dict[str, str]] = {
    forms.Field: {"required": "Fill this in."},
    forms.BooleanField: {"required": "Tick this to go on."},
    forms.ChoiceField: {
        "required": "Choose one of those that are offered.",
        "invalid_choice": "Choose one of those that are offered.",
    },
    forms.FileField: {"required": "Choose a file."},
    forms.EmailField: {"invalid": "Write an address like name@example.com."},
    forms.URLField: {"invalid": "Write a website's address like https://www.example.com."},
    forms.DateField: {"invalid": "Write a day like 2026-03-31."},
    forms.TimeField: {"invalid": "Write a time like 17:30."},
    forms.DateTimeField: {"invalid": "Write a day and a time like 2026-03-31 17:30."},
    forms.SplitDateTimeField: {
        "invalid_date": "Write a day like 2026-03-31.",
        "invalid_time": "Write a time like 17:30.",
    },
    forms.IntegerField: {"invalid": "Write a whole number like 3."},
}


def use_our_sentences() -> None:
    """Have every form say them, Django's and allauth's own included; called before any is made.

    What a field's own `error_messages` or a validator with a code of its own says stays.
    """
    # On Django's own classes, for the whole process: neither form nor setting of Django, allauth or
    # the admin takes another sentence for a kind of field.
    for field, messages in _SENTENCES.items():
        # Not changed in place: a kind of field without messages shares those it inherits.
        field.default_error_messages = {**field.default_error_messages, **messages}
