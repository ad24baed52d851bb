"""The time zones that forms offer."""

import functools
import zoneinfo


@functools.cache
def choices() -> list[tuple[str, str]]:
    """(name, label) of every place in the IANA database, and UTC first."""
    places = sorted(
        name
        for name in zoneinfo.available_timezones()
        if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))
    )
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]
