"""Days in the filters of lists."""

import datetime
import zoneinfo
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

_DAY = datetime.timedelta(days=1)


class DayField(forms.DateField):
    """An optional day, of the years whose moments every zone and the database can tell."""

    widget = forms.DateInput(attrs={"type": "date"})
    default_validators = [
        MinValueValidator(datetime.date(1970, 1, 1), "Choose a day from 1970 on."),
        MaxValueValidator(datetime.date(2999, 12, 31), "Choose a day before the year 3000."),
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)


def beginning(day: datetime.date | None, time_zone: str) -> datetime.datetime | None:
    """The moment at which the day begins in the zone."""
    if day is None:
        return None
    return datetime.datetime.combine(day, datetime.time(), zoneinfo.ZoneInfo(time_zone))


def end(day: datetime.date | None, time_zone: str) -> datetime.datetime | None:
    """The moment at which the day is over in the zone."""
    return beginning(day + _DAY if day else None, time_zone)
