"""The report as it looks: accessible in both themes, on a desk and on a phone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.accessibility import assert_accessible
from tests.cast import Cast
from tests.reports.builders import chats, office_hours
from tests.servers import Daphne, session_cookie

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.real_commits
WEEK = [5, 1, 2, 0, 3, 6, 9, 14, 22, 31, 28, 24, 19, 26, 30, 27, 21, 17, 12, 10, 8, 6, 4, 2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_is_accessible(
    cast: Cast,
    served: Daphne,
    new_context: Callable[..., BrowserContext],
    scheme: str,
    width: int,
) -> None:
    office_hours(cast.acme, weekdays=range(5), opens="09:00", closes="17:30")
    for day in range(5, 12):
        for hour, count in enumerate(WEEK):
            weekend = day in (10, 11)
            phase = "before" if hour < 8 else "during" if hour < 17 else "after"
            moments = [f"2026-01-{day:02d}T{hour:02d}:10"] * (count // (3 if weekend else 1))
            chats(cast.acme, *moments, phase="closed_day" if weekend else phase)
    context = new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    name, value = session_cookie(cast.olga)
    context.add_cookies([{"name": name, "value": value, "url": served.url(cast.acme)}])
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.goto(served.url(cast.acme, "/admin/reports/?from=2026-01-05&to=2026-01-11"))
    assert page.locator(".heat tbody td").count() == 7 * 24
    assert page.evaluate("document.documentElement.scrollWidth") == width
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"report-{width}-{scheme}.png", full_page=True)
    page.locator("summary", has_text="The numbers").click()
    # What a sticky bar happens to cover is no fault of the page.
    page.evaluate("scrollTo(0, 0)")
    # The whole day is seen at once, on a phone too.
    assert (
        page.locator(".table-scroll, .chart").evaluate_all(
            "parts => parts.filter(part => part.scrollWidth > part.clientWidth).length"
        )
        == 0
    )
    assert errors == []
    assert_accessible(page)
