"""The time zones there are, and those that forms offer."""

import functools
import zoneinfo


@functools.cache
def known() -> frozenset[str]:
    """Every name in the IANA database; to list them anew takes a look into each of their files."""
    return frozenset(zoneinfo.available_timezones())


@functools.cache
def choices() -> list[tuple[str, str]]:
    """(name, label) of every place in the IANA database, and UTC first."""
    places = sorted(
        name
        for name in known()
        if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))
    )
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]
