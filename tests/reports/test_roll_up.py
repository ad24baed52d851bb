"""Counts are kept by the clock's round, so that whoever looks neither waits nor writes."""

import dataclasses
import datetime
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.models import OpenInterval
from chat.queries import availability
from config.celery import app
from reports.models import HourlyTraffic, Metric, RollUp
from reports.rollups import traffic as rollups
from reports.tasks import roll_up, roll_up_all
from tenants.context import in_company
from tenants.models import Company
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.reports.builders import chats, counted, office_hours, visits, week

pytestmark = pytest.mark.django_db


def kept(company: CompanyRef) -> int:
    with in_company(company):
        return sum(HourlyTraffic.objects.values_list("count", flat=True))


def test_what_is_settled_is_kept_and_what_is_new_is_added(cast: Cast) -> None:
    now = timezone.now()
    year = (f"{now.year - 1}-01-01", f"{now.year}-12-31")
    chats(cast.acme, f"{now.year - 1}-01-12T12:00", f"{now.year - 1}-01-12T12:20")
    chats(cast.acme, now.isoformat(), (now - datetime.timedelta(hours=30)).isoformat())
    chats(cast.initech, f"{now.year - 1}-01-12T12:00")
    before = counted(week(cast.acme, *year))
    roll_up(str(cast.acme.id))
    assert (kept(cast.acme), kept(cast.initech)) == (3, 0)
    assert counted(week(cast.acme, *year)) == before
    roll_up(str(cast.acme.id))
    assert kept(cast.acme) == 3
    chats(cast.acme, timezone.now().isoformat())
    assert week(cast.acme, *year).total == 5


def test_a_look_writes_nothing_and_waits_for_no_one(cast: Cast) -> None:
    chats(cast.acme, "2026-01-12T12:00")
    with CaptureQueriesContext(connection) as context:
        assert week(cast.acme, "2026-01-01", "2026-12-31").total == 1
    told = " ".join(query["sql"].upper() for query in context)
    assert "FOR UPDATE" not in told
    assert "INSERT" not in told
    with in_company(cast.acme):
        assert not RollUp.objects.exists()


def test_another_zone_counts_everything_anew(cast: Cast) -> None:
    chats(cast.acme, "2026-01-12T18:30")
    roll_up(str(cast.acme.id))
    assert counted(week(cast.acme, "2026-01-12", "2026-01-12")) == {(0, 19): 1}
    there = dataclasses.replace(cast.acme, time_zone="Asia/Tokyo")
    # At once from the rows, and the same from what is kept later.
    assert counted(week(there, "2026-01-13", "2026-01-13")) == {(1, 3): 1}
    with in_company(there):
        schedule = availability.stored_schedule(there, since=datetime.date.min)
        rollups.roll_up(Metric.CHATS, schedule=schedule, now=timezone.now())
        assert HourlyTraffic.objects.get().start.hour == 18
    assert counted(week(there, "2026-01-13", "2026-01-13")) == {(1, 3): 1}
    assert counted(week(cast.acme, "2026-01-12", "2026-01-12")) == {(0, 19): 1}


def test_visits_are_sorted_by_the_hours_that_held_when_they_were_counted(cast: Cast) -> None:
    office_hours(cast.acme, weekdays=range(5), opens="09:00", closes="17:00")
    visits(
        cast.acme, "2026-01-12T07:00", "2026-01-12T09:00", "2026-01-12T20:00", "2026-01-11T09:00"
    )
    roll_up(str(cast.acme.id))
    found = week(cast.acme, "2026-01-11", "2026-01-12", Metric.VISITS)
    assert {total.phase: total.count for total in found.totals} == {
        "before": 1,
        "during": 1,
        "after": 1,
        "closed_day": 1,
    }
    with in_company(cast.acme):
        OpenInterval.objects.all().delete()
    assert week(cast.acme, "2026-01-11", "2026-01-12", Metric.VISITS).totals == found.totals


def test_the_clock_wakes_every_active_company(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    Company.objects.filter(pk=cast.initech.id).update(state=Company.State.SUSPENDED)
    woken: list[uuid.UUID] = []
    monkeypatch.setattr(roll_up, "delay", lambda company_id: woken.append(uuid.UUID(company_id)))
    beat = app.conf.beat_schedule["roll-up-reports"]
    assert beat["task"] == roll_up_all.name
    roll_up_all()
    assert cast.acme.id in woken
    assert cast.initech.id not in woken
    active = Company.objects.filter(state=Company.State.ACTIVE)
    assert sorted(woken) == sorted(active.values_list("pk", flat=True))
