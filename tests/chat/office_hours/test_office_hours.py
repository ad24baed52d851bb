"""The hours of a company against plain examples and against a reading of the wall clock."""

import datetime
import zoneinfo
from datetime import UTC, date, time, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chat import office_hours
from chat.office_hours import DayException, Interval, Schedule

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
WEEKDAYS = tuple(Interval(day, time(9), time(17)) for day in range(5))
OFFICE = Schedule("Europe/Berlin", WEEKDAYS)


def berlin(text: str, fold: int = 0) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-06-01 08:59:59", "before"),
        ("2026-06-01 09:00", "during"),
        ("2026-06-01 16:59:59", "during"),
        ("2026-06-01 17:00", "after"),
        ("2026-06-06 12:00", "closed_day"),
    ],
)
def test_a_moment_falls_before_during_after_or_on_a_closed_day(moment: str, expected: str) -> None:
    assert office_hours.phase(OFFICE, berlin(moment)) == expected


def test_without_any_hours_it_is_always_open() -> None:
    always = Schedule("Europe/Berlin")
    assert office_hours.phase(always, berlin("2026-06-06 03:00")) == "during"
    assert office_hours.next_closing(always, berlin("2026-06-06 03:00")) is None


def test_a_lunch_break_is_before_the_afternoon() -> None:
    split = Schedule(
        "Europe/Berlin", (Interval(0, time(9), time(12)), Interval(0, time(13), time(17)))
    )
    lunch = berlin("2026-06-01 12:30")
    assert office_hours.phase(split, lunch) == "before"
    assert office_hours.next_opening(split, lunch) == berlin("2026-06-01 13:00")
    assert office_hours.next_closing(split, berlin("2026-06-01 10:00")) == berlin(
        "2026-06-01 12:00"
    )


def test_hours_past_midnight_belong_to_the_day_they_begin_on() -> None:
    bar = Schedule("Europe/Berlin", (Interval(5, time(18), time(2)),))
    assert office_hours.phase(bar, berlin("2026-06-07 01:59")) == "during"
    assert office_hours.phase(bar, berlin("2026-06-07 02:00")) == "closed_day"
    assert office_hours.phase(bar, berlin("2026-06-06 17:00")) == "before"
    assert office_hours.next_closing(bar, berlin("2026-06-06 20:00")) == berlin("2026-06-07 02:00")


def test_midnight_to_midnight_is_the_whole_day() -> None:
    sunday = Schedule("Europe/Berlin", (Interval(6, time(0), time(0)),))
    assert office_hours.is_open(sunday, berlin("2026-06-07 00:00"))
    assert office_hours.is_open(sunday, berlin("2026-06-07 23:59:59"))
    assert not office_hours.is_open(sunday, berlin("2026-06-08 00:00"))


def test_a_holiday_closes_the_day_but_not_the_night_that_runs_into_it() -> None:
    nights = Schedule(
        "Europe/Berlin",
        tuple(Interval(day, time(20), time(4)) for day in range(7)),
        (DayException(date(2026, 12, 25), name="Christmas Day"),),
    )
    assert office_hours.phase(nights, berlin("2026-12-25 03:00")) == "during"
    assert office_hours.phase(nights, berlin("2026-12-25 21:00")) == "closed_day"
    assert office_hours.next_opening(nights, berlin("2026-12-25 05:00")) == berlin(
        "2026-12-26 20:00"
    )


def test_a_one_off_day_replaces_the_weekly_hours() -> None:
    schedule = Schedule(
        "Europe/Berlin",
        WEEKDAYS,
        (
            DayException(date(2026, 6, 6), time(10), time(12), "Open day"),
            DayException(date(2026, 6, 6), time(14), time(16), "Open day"),
            DayException(date(2026, 6, 8), time(12), time(13), "Stocktaking"),
        ),
    )
    assert office_hours.is_open(schedule, berlin("2026-06-06 11:00"))
    assert not office_hours.is_open(schedule, berlin("2026-06-06 13:00"))
    assert office_hours.is_open(schedule, berlin("2026-06-06 15:00"))
    assert office_hours.phase(schedule, berlin("2026-06-08 10:00")) == "before"


def test_a_company_around_the_clock_still_keeps_its_holidays() -> None:
    schedule = Schedule("Europe/Berlin", (), (DayException(date(2026, 1, 1)),))
    assert office_hours.phase(schedule, berlin("2026-01-01 12:00")) == "closed_day"
    assert office_hours.next_opening(schedule, berlin("2026-01-01 12:00")) == berlin(
        "2026-01-02 00:00"
    )
    assert office_hours.next_closing(schedule, berlin("2025-12-20 12:00")) == berlin(
        "2026-01-01 00:00"
    )


def test_an_opening_time_that_the_clocks_leap_over_opens_at_the_leap() -> None:
    schedule = Schedule("Europe/Berlin", (Interval(6, time(2, 30), time(5)),))
    leap = datetime.datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert not office_hours.is_open(schedule, leap - timedelta(seconds=1))
    assert office_hours.is_open(schedule, leap)


def test_hours_that_the_clocks_leap_over_altogether_do_not_happen() -> None:
    schedule = Schedule("Europe/Berlin", (Interval(6, time(2, 10), time(2, 50)),))
    assert office_hours.phase(schedule, berlin("2026-03-29 12:00")) == "closed_day"
    assert office_hours.next_opening(schedule, berlin("2026-03-29 00:00")) == berlin(
        "2026-04-05 02:10"
    )


def test_a_closing_time_that_comes_twice_closes_at_its_second_coming() -> None:
    schedule = Schedule("Europe/Berlin", (Interval(6, time(0), time(2, 30)),))
    assert office_hours.is_open(schedule, berlin("2026-10-25 02:29", fold=1))
    assert not office_hours.is_open(schedule, berlin("2026-10-25 02:30", fold=1))


def test_a_date_that_a_zone_left_out_is_closed() -> None:
    # Samoa went from 29 to 31 December 2011 when it crossed the date line.
    samoa = zoneinfo.ZoneInfo("Pacific/Apia")
    schedule = Schedule("Pacific/Apia", (Interval(4, time(9), time(17)),))
    before = datetime.datetime(2011, 12, 29, 20, tzinfo=samoa)
    assert office_hours.next_opening(schedule, before) == datetime.datetime(
        2012, 1, 6, 9, tzinfo=samoa
    )


def test_a_company_that_never_opens_again_has_no_next_opening() -> None:
    closed_for_good = Schedule(
        "UTC",
        (Interval(0, time(9), time(17)),),
        tuple(DayException(date(2026, 1, 1) + timedelta(days=n)) for n in range(500)),
    )
    assert (
        office_hours.next_opening(closed_for_good, datetime.datetime(2026, 1, 1, tzinfo=UTC))
        is None
    )


@pytest.mark.parametrize(
    ("weekly", "overlaps"),
    [
        ([Interval(0, time(9), time(12)), Interval(0, time(12), time(17))], False),
        ([Interval(0, time(9), time(12)), Interval(0, time(11, 59), time(17))], True),
        ([Interval(0, time(22), time(6)), Interval(1, time(6), time(8))], False),
        ([Interval(0, time(22), time(6)), Interval(1, time(5), time(8))], True),
        ([Interval(6, time(22), time(6)), Interval(0, time(5), time(8))], True),
        ([Interval(6, time(22), time(6)), Interval(0, time(6), time(8))], False),
        ([Interval(3, time(0), time(0)), Interval(3, time(9), time(10))], True),
    ],
)
def test_overlapping_intervals_are_found(weekly: list[Interval], overlaps: bool) -> None:
    assert (office_hours.weekly_overlap(weekly) is not None) is overlaps


def test_the_days_ahead_are_told_with_their_exceptions() -> None:
    schedule = Schedule("Europe/Berlin", WEEKDAYS, (DayException(date(2026, 6, 2), name="Fair"),))
    monday, tuesday = office_hours.days(schedule, date(2026, 6, 1), 2)
    assert monday.hours == ((time(9), time(17)),)
    assert not monday.is_exception
    assert tuesday.hours == ()
    assert tuesday.is_exception
    assert tuesday.name == "Fair"


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
minutes = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
intervals = st.builds(Interval, st.integers(0, 6), minutes, minutes)
moments = st.datetimes(
    datetime.datetime(2025, 1, 1),  # noqa: DTZ001  made aware below
    datetime.datetime(2027, 12, 31),  # noqa: DTZ001
).map(lambda moment: moment.replace(tzinfo=UTC))
exceptions = st.one_of(
    st.builds(DayException, st.dates(date(2025, 1, 1), date(2027, 12, 31))),
    st.builds(DayException, st.dates(date(2025, 1, 1), date(2027, 12, 31)), minutes, minutes),
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    return Schedule(
        draw(st.sampled_from(ZONES)),
        tuple(draw(st.lists(intervals, max_size=8))),
        tuple(draw(st.lists(exceptions, max_size=3, unique_by=lambda row: row.date))),
    )


def open_by_the_wall_clock(schedule: Schedule, at: datetime.datetime) -> bool:
    wall = at.astimezone(zoneinfo.ZoneInfo(schedule.zone)).replace(tzinfo=None)
    for start in (wall.date() - timedelta(days=1), wall.date()):
        ruled = [row for row in schedule.exceptions if row.date == start]
        if ruled:
            hours = [(row.opens, row.closes) for row in ruled if row.opens is not None]
        elif not schedule.weekly:
            hours = [(time.min, time.min)]
        else:
            hours = [(r.opens, r.closes) for r in schedule.weekly if r.weekday == start.weekday()]
        for opens, closes in hours:
            assert opens is not None
            assert closes is not None
            end = start if closes > opens else start + timedelta(days=1)
            begin = datetime.datetime.combine(start, opens)
            if begin <= wall < datetime.datetime.combine(end, closes):
                return True
    return False


@given(schedules(), moments)
def test_open_is_what_the_wall_clock_says(schedule: Schedule, at: datetime.datetime) -> None:
    zone = zoneinfo.ZoneInfo(schedule.zone)
    # In an hour that comes twice the clock alone cannot tell; its own tests stand above.
    local = at.astimezone(zone)
    assume(local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset())
    assert office_hours.is_open(schedule, at) == open_by_the_wall_clock(schedule, at)


@given(schedules(), moments)
def test_open_and_during_are_one(schedule: Schedule, at: datetime.datetime) -> None:
    assert (office_hours.phase(schedule, at) == "during") == office_hours.is_open(schedule, at)


@given(schedules(), moments)
def test_nothing_is_open_between_now_and_the_next_opening(
    schedule: Schedule, at: datetime.datetime
) -> None:
    opening = office_hours.next_opening(schedule, at)
    assume(opening is not None)
    assert opening is not None
    assert opening >= at
    assert office_hours.is_open(schedule, opening)
    steps = min(int((opening - at) / timedelta(minutes=15)), 800)
    assert not any(
        office_hours.is_open(schedule, opening - timedelta(minutes=15) * n - timedelta(seconds=1))
        for n in range(steps)
    )


@given(schedules(), moments)
def test_it_stays_open_until_the_next_closing(schedule: Schedule, at: datetime.datetime) -> None:
    opened = office_hours.next_opening(schedule, at) or at
    closing = office_hours.next_closing(schedule, opened)
    if not office_hours.is_open(schedule, opened):
        assert closing is None
        return
    end = closing or opened + timedelta(days=4)
    assert (closing is None) or not office_hours.is_open(schedule, closing)
    steps = min(int((end - opened) / timedelta(minutes=15)), 400)
    assert all(
        office_hours.is_open(schedule, end - timedelta(minutes=15) * n - timedelta(seconds=1))
        for n in range(steps)
    )
