"""The time zones there are, and those that forms offer."""

import functools
import zoneinfo

from django.core.exceptions import ValidationError


@functools.cache
def known() -> frozenset[str]:
    """Every name in the IANA database; to list them anew takes a look into each of their files."""
    return frozenset(zoneinfo.available_timezones())


def validate(name: str) -> None:
    """Raises ValidationError for a name that is not in the IANA database."""
    if name not in known():
        raise ValidationError("Choose a time zone such as Europe/Berlin.", code="unknown_time_zone")


@functools.cache
def choices() -> list[tuple[str, str]]:
    """(name, label) of every place in the IANA database, and UTC first."""
    places = sorted(
        name
        for name in known()
        if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))
    )
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]
