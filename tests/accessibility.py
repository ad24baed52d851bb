"""What axe finds on a page, by WCAG 2.2, levels A and AA (https://www.w3.org/TR/WCAG22/)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page

_AXE = Axe()
_OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    # What passes would be carried over as well, node by node.
    "resultTypes": ["violations"],
}


def violations(page: Page | Frame) -> list[str]:
    """One line for each rule that is broken: its id and the first place."""
    found = _AXE.run(page, options=_OPTIONS).response["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found]


def assert_accessible(page: Page | Frame) -> None:
    assert violations(page) == []
