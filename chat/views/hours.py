"""The office hours editor."""

import datetime
import zoneinfo
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from chat import office_hours
from chat.actions import hours as actions
from chat.models import OpenInterval
from chat.office_hours import DayException, Interval, Schedule
from chat.queries import availability
from tenants import time_zones
from tenants.actor import Actor
from tenants.errors import Invalid
from tenants.roles import Permission
from tenants.views.access import CompanyRequest, company_page

PREVIEW_DAYS = 14


@company_page(Permission.EDIT_HOURS)
@require_http_methods(["GET", "POST"])
def editor(request: CompanyRequest) -> HttpResponse:
    """Shows and stores the weekly hours, the exceptions and the zone. Queries: 2 when shown."""
    error = ""
    if request.method == "POST":
        page = _posted_page(request.POST)
        try:
            draft = _read(request.POST)
            actions.change(
                company=request.company,
                zone=draft.zone,
                weekly=draft.weekly,
                exceptions=draft.exceptions,
                actor=Actor.person(request.user),
                since=_today(request.company.time_zone),
            )
        except Invalid as refused:
            error = str(refused)
        else:
            messages.success(request, "Saved. Open chats follow it within a minute.")
            return redirect("company_hours")
        shown: Schedule | None = None
    else:
        shown = availability.stored_schedule(
            request.company, since=_today(request.company.time_zone)
        )
        page = _stored_page(shown)
    context = {
        "title": "Office hours",
        "page": page,
        "error": error,
        "zones": _zones(page["zone"]),
        **(_ahead(shown) if shown else {}),
    }
    return render(request, "chat/hours.html", context, status=422 if error else 200)


@company_page(Permission.EDIT_HOURS)
@require_POST
def preview(request: CompanyRequest) -> HttpResponse:
    """What the posted form would mean, or what is wrong with it. Stores nothing."""
    try:
        draft = _read(request.POST)
        actions.refuse_overlaps(draft.weekly, draft.exceptions)
    except Invalid as error:
        return render(request, "chat/hours_ahead.html", {"error": str(error)})
    return render(request, "chat/hours_ahead.html", _ahead(draft))


def _read(data: QueryDict) -> Schedule:
    """The schedule that the form says. Raises Invalid, naming the row."""
    zone = data.get("zone", "")
    if zone not in time_zones.known():
        raise Invalid("Choose a time zone from the list.")
    weekly: list[Interval] = []
    if data.get("mode") == "weekly":
        for weekday in OpenInterval.Weekday:
            for opens, closes in _pairs(data, f"day{weekday.value}", weekday.label):
                weekly.append(Interval(weekday.value, opens, closes))
        if not weekly:
            raise Invalid("Write hours for at least one day, or choose open around the clock.")
    return Schedule(zone, tuple(weekly), tuple(_read_exceptions(data)))


def _pairs(data: QueryDict, prefix: str, where: str) -> list[tuple[datetime.time, datetime.time]]:
    rows = zip(data.getlist(f"{prefix}_opens"), data.getlist(f"{prefix}_closes"), strict=False)
    return [
        (_time(opens, where), _time(closes, where)) for opens, closes in rows if opens or closes
    ]


def _read_exceptions(data: QueryDict) -> list[DayException]:
    columns = [data.getlist(f"exception_{name}") for name in ("date", "name", "opens", "closes")]
    rows = []
    for date, name, opens, closes in zip(*columns, strict=False):
        if not (date or name or opens or closes):
            continue
        try:
            on = datetime.date.fromisoformat(date)
        except ValueError:
            raise Invalid(f"Choose the date of the holiday {name!r}.") from None
        where = f"{on:%-d %B %Y}"
        if opens or closes:
            rows.append(DayException(on, _time(opens, where), _time(closes, where), name[:80]))
        else:
            rows.append(DayException(on, None, None, name[:80]))
    return rows


def _time(text: str, where: str) -> datetime.time:
    try:
        return datetime.datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007  a wall-clock time
    except ValueError:
        raise Invalid(f"{where}: write both times as hours and minutes, such as 09:00.") from None


def _stored_page(schedule: Schedule) -> dict[str, Any]:
    return {
        "zone": schedule.zone,
        "mode": "weekly" if schedule.weekly else "always",
        "days": [
            (
                day,
                [
                    (f"{row.opens:%H:%M}", f"{row.closes:%H:%M}")
                    for row in schedule.weekly
                    if row.weekday == day.value
                ],
            )
            for day in OpenInterval.Weekday
        ],
        "exceptions": [
            (
                row.date.isoformat(),
                row.name,
                f"{row.opens:%H:%M}" if row.opens is not None else "",
                f"{row.closes:%H:%M}" if row.closes is not None else "",
            )
            for row in schedule.exceptions
        ],
    }


def _posted_page(data: QueryDict) -> dict[str, Any]:
    """The form as it was sent, right or wrong: nothing that was typed is lost."""
    names = ("date", "name", "opens", "closes")
    rows = zip(*(data.getlist(f"exception_{name}") for name in names), strict=False)
    return {
        "zone": data.get("zone", ""),
        "mode": data.get("mode", "weekly"),
        "days": [
            (
                day,
                list(
                    zip(
                        data.getlist(f"day{day.value}_opens"),
                        data.getlist(f"day{day.value}_closes"),
                        strict=False,
                    )
                ),
            )
            for day in OpenInterval.Weekday
        ],
        "exceptions": [row for row in rows if any(row)],
    }


def _ahead(schedule: Schedule) -> dict[str, Any]:
    now = timezone.now()
    local = now.astimezone(zoneinfo.ZoneInfo(schedule.zone))
    is_open = office_hours.is_open(schedule, now)
    change = (office_hours.next_closing if is_open else office_hours.next_opening)(schedule, now)
    return {
        # Without their zone: a template would turn aware times into those of the stored one.
        "now": local.replace(tzinfo=None),
        "zone": schedule.zone,
        "is_open": is_open,
        "change": change.astimezone(local.tzinfo).replace(tzinfo=None) if change else None,
        "days_ahead": office_hours.days(schedule, local.date(), PREVIEW_DAYS),
    }


def _today(zone: str) -> datetime.date:
    return timezone.now().astimezone(zoneinfo.ZoneInfo(zone)).date()


def _zones(chosen: str) -> list[str]:
    known = time_zones.known()
    shown = {name for name in known if "/" in name and not name.startswith(("Etc/", "SystemV/"))}
    return sorted(shown | {"UTC"} | ({chosen} & known))
