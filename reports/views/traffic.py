"""The traffic report of a company: the page and its CSV file."""

import dataclasses
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.office_hours import Phase
from reports import csv_export, queries
from reports.chart import chart
from reports.models import Metric
from reports.ranges import DEFAULT_PRESET, PRESETS, DateRange, between, preset
from reports.traffic import HOURS, PHASES, WEEKDAYS, Week, percent
from tenants import audit
from tenants.actor import Actor
from tenants.errors import Invalid
from tenants.models import Verb
from tenants.roles import Permission, allows
from tenants.views.access import CompanyRequest, company_page

CSV_HEADER = ("start", "zone", "weekday", "hour", "phase", "metric", "count")


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """What the person chose; `preset` is '' for dates of their own."""

    metric: Metric
    span: DateRange
    preset: str
    phase: Phase | None

    def query(self, **changes: str) -> str:
        """The query string of this choice with changes."""
        days = (
            {"days": self.preset}
            if self.preset
            else {"from": self.span.first.isoformat(), "to": self.span.last.isoformat()}
        )
        fields = {"metric": self.metric.value, **days, "phase": self.phase or "", **changes}
        if "days" in changes:
            fields.pop("from", None)
            fields.pop("to", None)
        return urlencode({name: value for name, value in fields.items() if value})


@require_safe
@company_page(Permission.VIEW_REPORTS)
def page(request: CompanyRequest) -> HttpResponse:
    """Chats, visits or leads by hour and weekday, split by the office hours."""
    error = ""
    try:
        choice = _choice(request)
    except Invalid as invalid:
        error = str(invalid)
        choice = _default(request)
    week = queries.week(
        company=request.company, metric=choice.metric, span=choice.span, phase=choice.phase
    )
    return render(request, "reports/traffic.html", _context(request, choice, week, error))


@require_safe
@company_page(Permission.EXPORT_REPORTS)
def export(request: CompanyRequest) -> HttpResponse:
    """The report's hours as CSV; who took it is in the audit log. Raises Invalid."""
    choice = _choice(request)
    lines = queries.hours(company=request.company, metric=choice.metric, span=choice.span)
    if choice.phase:
        lines = [line for line in lines if line.phase == choice.phase]
    body = csv_export.document(
        CSV_HEADER,
        (
            (
                line.start.isoformat(),
                choice.span.zone,
                WEEKDAYS[line.start.weekday()],
                line.start.hour,
                line.phase,
                choice.metric.value,
                line.count,
            )
            for line in lines
        ),
    )
    audit.record(
        company_id=request.company.id,
        actor=Actor.person(request.user),
        verb=Verb.REPORT_EXPORTED,
        target_kind="report",
        target_id=choice.metric.value,
        first=choice.span.first.isoformat(),
        last=choice.span.last.isoformat(),
        rows=len(lines),
    )
    name = f"{request.company.slug}-{choice.metric.value}-{choice.span.first}-{choice.span.last}"
    return HttpResponse(
        body,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _choice(request: CompanyRequest) -> Choice:
    asked = request.GET
    zone = request.company.time_zone
    metric, phase = asked.get("metric") or Metric.CHATS.value, asked.get("phase") or ""
    if metric not in Metric.values:
        raise Invalid("Choose chats, visits or leads.")
    if phase and phase not in PHASES:
        raise Invalid("Choose one of the phases that are offered.")
    days = asked.get("days", "")
    if not days and (asked.get("from") or asked.get("to")):
        span = between(asked.get("from", ""), asked.get("to", ""), zone=zone)
    else:
        days = days or DEFAULT_PRESET
        span = preset(days, zone=zone, now=timezone.now())
    return Choice(Metric(metric), span, days, phase or None)


def _default(request: CompanyRequest) -> Choice:
    zone = request.company.time_zone
    span = preset(DEFAULT_PRESET, zone=zone, now=timezone.now())
    return Choice(Metric.CHATS, span, DEFAULT_PRESET, None)


def _context(request: CompanyRequest, choice: Choice, week: Week, error: str) -> dict[str, Any]:
    closed = week.busiest_closed
    return {
        "title": "Report",
        "error": error,
        "choice": choice,
        "metric_label": choice.metric.label.lower(),
        "metrics": [
            (metric.label, choice.query(metric=metric.value), metric is choice.metric)
            for metric in Metric
        ],
        "presets": [
            (label, choice.query(days=days), days == choice.preset)
            for days, label in PRESETS.items()
        ],
        "phases": [
            ("All hours", choice.query(phase=""), choice.phase is None),
            *(
                (label, choice.query(phase=phase), phase == choice.phase)
                for phase, label in PHASES.items()
            ),
        ],
        "phase_labels": PHASES.items(),
        "phase_label": PHASES[choice.phase].lower() if choice.phase else "",
        "week": week,
        "rows": list(zip(WEEKDAYS, week.rows, strict=True)),
        "hours": HOURS,
        "chart": chart(week.by_hour),
        "by_hour": [(hour, counts.values()) for hour, counts in enumerate(week.by_hour)],
        "closed_day_name": WEEKDAYS[closed.weekday] if closed else "",
        "closed_until": (closed.hour + 1) % 24 if closed else 0,
        "closed_percent": percent(closed.closed_count, week.total) if closed else 0,
        "may_export": allows(request.role, Permission.EXPORT_REPORTS),
        "csv_query": choice.query(),
    }
