"""From a company's one colour to the colours that are readable on every surface (WCAG 2.2 AA).

The fill itself is never changed: black or white text reaches 4.5:1 on any colour. Only what stands
on the chat's own surfaces is walked lighter or darker, by no more than it needs.
"""

import colorsys
import dataclasses
import functools

TEXT_CONTRAST = 4.5
CONTROL_CONTRAST = 3.0
# The surfaces of the chat box: chat/static/widget/widget.css.
LIGHT_SURFACE = "#ffffff"
DARK_SURFACE = "#161d29"
_STEP = 0.005


@dataclasses.dataclass(frozen=True, slots=True)
class Tokens:
    """Colours as `#rrggbb`: the fill and what is written on it, text and controls by theme."""

    fill: str
    on_fill: str
    text_light: str
    text_dark: str
    control_light: str
    control_dark: str


@functools.lru_cache(maxsize=1024)
def tokens(colour: str) -> Tokens:
    """The tokens of a colour written as `#` and six lower-case hex digits."""
    return Tokens(
        fill=colour,
        on_fill="#ffffff" if contrast("#ffffff", colour) >= TEXT_CONTRAST else "#000000",
        text_light=_fitted(colour, LIGHT_SURFACE, TEXT_CONTRAST),
        text_dark=_fitted(colour, DARK_SURFACE, TEXT_CONTRAST),
        control_light=_fitted(colour, LIGHT_SURFACE, CONTROL_CONTRAST),
        control_dark=_fitted(colour, DARK_SURFACE, CONTROL_CONTRAST),
    )


def notices(colour: str) -> list[str]:
    """What was changed to keep the chat readable, in sentences; empty where nothing was."""
    made = tokens(colour)
    said = []
    if made.on_fill == "#000000":
        said.append("White would be hard to read on this colour, so what stands on it is black.")
    for theme, verb, surface, fitted in (
        ("light", "darkened", LIGHT_SURFACE, made.text_light),
        ("dark", "lightened", DARK_SURFACE, made.text_dark),
    ):
        if fitted != colour:
            said.append(
                f"On the {theme} theme we {verb} names and links so that they can be read: "
                f"contrast {contrast(colour, surface):.1f} → {contrast(fitted, surface):.1f}."
            )
    return said


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


def _fitted(colour: str, surface: str, needed: float) -> str:
    """The nearest lightness of the hue that reaches `needed`, measured as it is rounded."""
    if contrast(colour, surface) >= needed:
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in _rgb(colour)))
    step = -_STEP if _luminance(_rgb(surface)) > 0.18 else _STEP
    while 0 <= lightness <= 1:
        lightness += step
        red, green, blue = colorsys.hls_to_rgb(hue, min(max(lightness, 0), 1), saturation)
        fitted = f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
        if contrast(fitted, surface) >= needed:
            return fitted
    return "#000000" if step < 0 else "#ffffff"


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: tuple[int, int, int]) -> float:
    red, green, blue = (_linear(value / 255) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
