"""The stacked chart of a day as geometry: pure numbers that the template writes as SVG.

Across they are percents of the width, whatever it is; down they are pixels.
"""

import dataclasses

from reports.traffic import HOURS, PHASES, Counts

HEIGHT = 260
LEFT, BOTTOM, TOP = 4.5, 28, 12
_GAP = 0.8


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One phase's share of a bar."""

    phase: str
    x: float
    y: float
    width: float
    height: float


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    hour: int
    total: int
    label_x: float
    label_y: float
    parts: list[Part]


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A grid line with its number."""

    value: int
    y: float


@dataclasses.dataclass(frozen=True, slots=True)
class Chart:
    bars: list[Bar]
    lines: list[Line]
    height: int = HEIGHT
    left: float = LEFT
    baseline: int = HEIGHT - BOTTOM


def chart(by_hour: list[Counts]) -> Chart:
    """Bars for the 24 hours of a day, stacked by phase, on a scale of round numbers."""
    top = nice_top(max(sum(counts.values()) for counts in by_hour))
    span = HEIGHT - BOTTOM - TOP
    slot = (100 - LEFT) / len(HOURS)
    bars = []
    for hour in HOURS:
        y = float(HEIGHT - BOTTOM)
        x = LEFT + hour * slot + _GAP / 2
        parts = []
        for phase in PHASES:
            height = by_hour[hour][phase] * span / top
            if height:
                y -= height
                parts.append(
                    Part(phase, round(x, 2), round(y, 2), round(slot - _GAP, 2), round(height, 2))
                )
        bars.append(
            Bar(
                hour=hour,
                total=sum(by_hour[hour].values()),
                label_x=round(x + (slot - _GAP) / 2, 2),
                label_y=round(y - 4, 2),
                parts=parts,
            )
        )
    values = sorted({0, top // 2 if top > 1 else top, top})
    return Chart(
        bars=bars,
        lines=[Line(value, round(HEIGHT - BOTTOM - value * span / top, 2)) for value in values],
    )


def nice_top(most: int) -> int:
    """The smallest of 1, 2, 4, 10, 20, 40, 100 … that is not below `most`; at least 4."""
    power = 1
    while True:
        for factor in (1, 2, 4):
            if factor * power >= max(most, 4):
                return factor * power
        power *= 10
