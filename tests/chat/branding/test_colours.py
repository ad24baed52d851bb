"""Whatever colour a company chooses, what is written in it can be read."""

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import brand_colours
from chat.brand_colours import DARK_SURFACE, LIGHT_SURFACE, contrast

LIGHT_SAID = "On the light theme we darkened names and links so that they can be read"
DARK_SAID = "On the dark theme we lightened names and links so that they can be read"
colours = st.tuples(*[st.integers(0, 255)] * 3).map(lambda rgb: "#%02x%02x%02x" % rgb)  # noqa: UP031


def assert_readable(colour: str) -> None:
    made = brand_colours.tokens(colour)
    assert made.fill == colour
    assert contrast(made.fill, made.on_fill) >= 4.5
    assert contrast(made.text_light, LIGHT_SURFACE) >= 4.5
    assert contrast(made.text_dark, DARK_SURFACE) >= 4.5
    assert contrast(made.control_light, LIGHT_SURFACE) >= 3
    assert contrast(made.control_dark, DARK_SURFACE) >= 3


@given(colours)
def test_any_colour_is_made_readable(colour: str) -> None:
    assert_readable(colour)


def test_a_grid_over_all_colours_is_made_readable() -> None:
    for red, green, blue in itertools.product(range(0, 256, 51), repeat=3):
        assert_readable(f"#{red:02x}{green:02x}{blue:02x}")


@given(colours)
def test_a_colour_that_is_readable_is_left_alone(colour: str) -> None:
    if contrast(colour, LIGHT_SURFACE) >= 4.5:
        assert brand_colours.tokens(colour).text_light == colour
    if contrast(colour, DARK_SURFACE) >= 4.5:
        assert brand_colours.tokens(colour).text_dark == colour


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#767676", "#ffffff", 4.54)],
)
def test_contrast_is_the_ratio_of_the_standard(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(one, other) == contrast(other, one)


def test_the_company_is_told_what_was_changed() -> None:
    assert brand_colours.notices("#ffeb3b") == [
        "White would be hard to read on this colour, so what stands on it is black.",
        f"{LIGHT_SAID}: contrast 1.2 → 4.5.",
    ]
    assert brand_colours.notices("#767676") == [f"{DARK_SAID}: contrast 3.7 → 4.5."]


def test_the_surfaces_are_those_of_the_stylesheet() -> None:
    css = Path("chat/static/widget/widget.css").read_text()
    assert set(re.findall(r"--surface: (#[0-9a-f]{6})", css)) == {LIGHT_SURFACE, DARK_SURFACE}
