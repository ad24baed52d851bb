"""Where the widget may stand and where it was seen."""

import dataclasses
import datetime

from chat.models import AllowedOrigin, WidgetSighting


@dataclasses.dataclass(frozen=True, slots=True)
class Website:
    """`last_seen_at` None: the widget was never loaded there."""

    origin: str
    is_allowed: bool
    last_seen_at: datetime.datetime | None


def websites() -> list[Website]:
    """Allowed websites, then others that load the widget, last seen first. Queries: 2."""
    seen = dict(WidgetSighting.objects.values_list("origin", "last_seen_at"))
    allowed = set(AllowedOrigin.objects.values_list("origin", flat=True))
    never = datetime.datetime.min.replace(tzinfo=datetime.UTC)
    found = [Website(o, o in allowed, seen.get(o)) for o in allowed | seen.keys()]
    found.sort(key=lambda site: site.origin)
    found.sort(key=lambda site: site.last_seen_at or never, reverse=True)
    return sorted(found, key=lambda site: not site.is_allowed)
