import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.office_hours import DayException, Interval, Schedule
from reports import csv_export, ranges
from reports.chart import HEIGHT, chart, nice_top
from reports.rollups.traffic import Slot
from reports.traffic import PHASES, open_hours, step, week
from tenants.errors import Invalid

NINE_TO_FIVE = Schedule(
    zone="Europe/Berlin",
    weekly=tuple(Interval(day, datetime.time(9), datetime.time(17, 30)) for day in range(5)),
    exceptions=(DayException(datetime.date(2026, 5, 1), name="Labour Day"),),
)


def test_a_week_counts_every_slot_in_its_cell_and_its_phase() -> None:
    found = week(
        [Slot(0, 9, "during", 3), Slot(0, 9, "before", 1), Slot(6, 23, "closed_day", 4)],
        schedule=NINE_TO_FIVE,
    )
    assert found.total == 8
    assert [(t.phase, t.count, t.percent) for t in found.totals] == [
        ("before", 1, 12),
        ("during", 3, 38),
        ("after", 0, 0),
        ("closed_day", 4, 50),
    ]
    assert (found.rows[0][9].shown, found.rows[6][23].shown, found.rows[3][3].shown) == (4, 4, 0)
    assert found.by_hour[9] == {"before": 1, "during": 3, "after": 0, "closed_day": 0}
    assert found.busiest_closed is found.rows[6][23]


def test_a_phase_limits_the_cells_and_not_the_totals() -> None:
    found = week(
        [Slot(0, 9, "during", 3), Slot(0, 9, "before", 1)], schedule=NINE_TO_FIVE, phase="before"
    )
    assert found.rows[0][9].shown == 1
    assert found.total == 4


def test_a_range_with_nothing_in_it_has_no_busiest_hour() -> None:
    found = week([], schedule=NINE_TO_FIVE)
    assert (found.total, found.busiest_closed) == (0, None)
    assert {cell.step for row in found.rows for cell in row} == {0}
    assert chart(found.by_hour).bars[0].parts == []


def test_a_phase_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="No such phase"):
        week([Slot(0, 0, "sometime", 1)], schedule=NINE_TO_FIVE)


def test_an_hour_is_open_when_a_part_of_it_is() -> None:
    found = open_hours(NINE_TO_FIVE)
    assert {hour for day, hour in found if day == 0} == set(range(9, 18))
    assert {day for day, _ in found} == {0, 1, 2, 3, 4}
    assert len(open_hours(Schedule(zone="UTC"))) == 7 * 24


def test_hours_past_midnight_stand_on_the_next_day() -> None:
    bar = Schedule(zone="UTC", weekly=(Interval(6, datetime.time(22), datetime.time(2)),))
    assert open_hours(bar) == {(6, 22), (6, 23), (0, 0), (0, 1)}


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_steps_rise_with_the_count_from_nothing_to_the_most(count: int, most: int) -> None:
    count = min(count, most)
    assert step(0, most) == 0
    assert step(most, most) == 5
    assert step(count, most) in range(6)
    assert (step(count, most) == 0) == (count == 0)
    assert step(count, most) <= step(min(count + 1, most), most)


@given(st.lists(st.integers(0, 5000), min_size=24, max_size=24))
def test_bars_stand_on_each_other_and_within_the_picture(hours: list[int]) -> None:
    made = chart([dict(zip(PHASES, (n, n // 2, n // 3, 1), strict=True)) for n in hours])
    for bar in made.bars:
        for below, above in zip(bar.parts, bar.parts[1:], strict=False):
            assert above.y + above.height == pytest.approx(below.y, abs=0.02)
        assert all(0 <= part.y <= HEIGHT for part in bar.parts)


def test_the_scale_ends_at_a_round_number() -> None:
    assert [nice_top(most) for most in (0, 4, 5, 11, 21, 41, 101, 999)] == [
        4, 4, 10, 20, 40, 100, 200, 1000,
    ]  # fmt: skip


def test_a_range_is_in_the_days_of_its_zone() -> None:
    now = datetime.datetime(2026, 3, 29, 23, 30, tzinfo=datetime.UTC)
    found = ranges.preset("7", zone="Europe/Berlin", now=now)
    assert (found.first, found.last, found.days) == (
        datetime.date(2026, 3, 24),
        datetime.date(2026, 3, 30),
        7,
    )


def test_the_day_on_which_clocks_change_is_whole() -> None:
    short = ranges.between("2026-03-29", "2026-03-29", zone="Europe/Berlin")
    long = ranges.between("2026-10-25", "2026-10-25", zone="Europe/Berlin")
    hours = [
        (r.until.astimezone(datetime.UTC) - r.since.astimezone(datetime.UTC)) for r in (short, long)
    ]
    assert hours == [datetime.timedelta(hours=23), datetime.timedelta(hours=25)]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-02-30", "2026-03-01"),
        ("", "2026-03-01"),
        ("2026-03-02", "2026-03-01"),
        ("2020-01-01", "2026-01-01"),
        ("0001-01-01", "0001-01-02"),
        ("x", "y"),
    ],
)
def test_bad_dates_say_what_to_do(first: str, last: str) -> None:
    with pytest.raises(Invalid):
        ranges.between(first, last, zone="UTC")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert csv_export.neutral(text) == f"'{text}"
    assert csv_export.neutral("plain") == "plain"
    assert csv_export.neutral(-1) == -1
    assert csv_export.document(["a"], [[text]]).startswith(b"\xef\xbb\xbfa\r\n")
