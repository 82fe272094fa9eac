"""The drawing of a bird: its body and the variants of its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from causalxai_datasets.drawing_page import Colour, DrawingPage, Points, curve, mixed

Part = Literal["tail", "feet", "beak", "eye", "wing"]

PARTS: tuple[Part, ...] = get_args(Part)
"""All parts, in the order of columns and from behind to the front."""

REMOVED = -1
"""Stands for no variant of a part."""

Place: TypeAlias = tuple[float, float]

_DARK: Colour = (36, 32, 46)
_WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Variant:
    """One form of a part, in the bird's coordinates: it looks to the right.

    Parameters
    ----------
    name
        What it is called.
    colour
        Its colour, which no other variant of the part, no body and no background is like.
    draw
        Draws it on a page in its colour.
    inside
        Places within it that nothing else covers, where its colour is seen at any size.
    """

    name: str
    colour: Colour
    draw: Callable[[DrawingPage, Colour], None]
    inside: tuple[Place, ...]


def _draw_body(page: DrawingPage, colour: Colour) -> None:
    """Draw body, neck and head without any part."""
    shade = mixed(colour, (92, 78, 84), 0.45)
    for grown, fill in ((0.035, shade), (0.0, colour)):
        page.oval((-0.12, 0.16), (0.5 + grown, 0.37 + grown), fill)
        neck = [(-0.1 - grown, -0.15), (0.12, -0.3), (0.6 + grown, -0.2), (0.34 + grown, 0.3)]
        page.area(neck, fill)
        page.oval((0.36, -0.34), (0.27 + grown, 0.26 + grown), fill)
    page.oval((0.2, 0.24), (0.14, 0.2), mixed(colour, _WHITE, 0.5))


def draw_bird(page: DrawingPage, colour: Colour, variants: Sequence[int]) -> None:
    """Draw a bird.

    Parameters
    ----------
    page
        Where to draw, in the bird's coordinates.
    colour
        The colour of its body.
    variants
        The variant of each part, in the order of ``PARTS``; ``REMOVED`` for none.
    """
    for part, variant in zip(PARTS, variants, strict=True):
        if part == "eye":
            # The parts before it lie behind the body.
            _draw_body(page, colour)
        if variant != REMOVED:
            chosen = VARIANTS[part][variant]
            chosen.draw(page, chosen.colour)


def _fan(page: DrawingPage, colour: Colour) -> None:
    for tip in ((-0.86, -0.16), (-0.95, 0.08), (-0.88, 0.32)):
        page.area(_leaf((-0.5, 0.12), tip, 0.14), colour)
        page.line([(-0.58, 0.11), tip], 0.02, mixed(colour, _DARK, 0.35))


def _fork(page: DrawingPage, colour: Colour) -> None:
    for tip in ((-0.98, -0.1), (-0.98, 0.36)):
        page.area(_leaf((-0.48, 0.13), tip, 0.1), colour)
    page.oval((-0.58, 0.13), (0.12, 0.1), colour)


def _plume(page: DrawingPage, colour: Colour) -> None:
    upper = curve((-0.5, 0.0), (-0.95, -0.02), (-0.86, -0.56))
    lower = curve((-0.62, -0.52), (-0.66, 0.0), (-0.5, 0.22))
    page.area(np.concatenate([upper, lower]), colour)
    page.oval((-0.74, -0.54), (0.14, 0.12), colour)
    page.oval((-0.74, -0.54), (0.05, 0.045), mixed(colour, _WHITE, 0.7))


def _webs(page: DrawingPage, colour: Colour) -> None:
    for x in (-0.22, 0.08):
        page.line([(x, 0.48), (x, 0.78)], 0.08, colour)
        page.area([(x - 0.06, 0.68), (x + 0.24, 0.86), (x - 0.1, 0.86)], colour)


def _stilts(page: DrawingPage, colour: Colour) -> None:
    for x in (-0.2, 0.06):
        page.line([(x, 0.48), (x - 0.06, 0.66), (x, 0.88)], 0.09, colour)
        page.line([(x - 0.02, 0.87), (x + 0.16, 0.87)], 0.07, colour)


def _boots(page: DrawingPage, colour: Colour) -> None:
    for x in (-0.24, 0.08):
        page.area([(x - 0.09, 0.5), (x + 0.09, 0.5), (x + 0.09, 0.8), (x - 0.09, 0.8)], colour)
        page.oval((x + 0.05, 0.79), (0.15, 0.09), colour)


def _short_beak(page: DrawingPage, colour: Colour) -> None:
    page.area([(0.56, -0.48), (0.96, -0.28), (0.56, -0.12)], colour)
    page.line([(0.66, -0.28), (0.9, -0.28)], 0.02, mixed(colour, _DARK, 0.5))


def _hooked_beak(page: DrawingPage, colour: Colour) -> None:
    above = curve((0.52, -0.48), (0.98, -0.5), (0.86, -0.06))
    below = curve((0.78, -0.18), (0.66, -0.2), (0.54, -0.16))
    page.area(np.concatenate([above, below]), colour)


def _long_beak(page: DrawingPage, colour: Colour) -> None:
    page.area([(0.54, -0.44), (1.0, -0.22), (1.0, -0.15), (0.54, -0.2)], colour)


def _dark_eye(page: DrawingPage, colour: Colour) -> None:
    page.oval((0.42, -0.4), (0.11, 0.11), colour)
    page.oval((0.46, -0.44), (0.035, 0.035), _WHITE)


def _wide_eye(page: DrawingPage, colour: Colour) -> None:
    page.oval((0.41, -0.4), (0.15, 0.15), _WHITE)
    page.oval((0.42, -0.4), (0.115, 0.115), colour)
    page.oval((0.44, -0.4), (0.04, 0.04), _DARK)


def _sleepy_eye(page: DrawingPage, colour: Colour) -> None:
    page.oval((0.41, -0.38), (0.14, 0.12), colour)
    page.line([(0.26, -0.44), (0.56, -0.44)], 0.05, _DARK)


def _round_wing(page: DrawingPage, colour: Colour) -> None:
    page.oval((-0.18, 0.14), (0.3, 0.2), colour)
    page.oval((-0.2, 0.1), (0.2, 0.11), mixed(colour, _WHITE, 0.25))


def _pointed_wing(page: DrawingPage, colour: Colour) -> None:
    page.area(_leaf((0.14, 0.02), (-0.52, 0.34), 0.2), colour)
    for end in ((-0.4, 0.2), (-0.34, 0.36)):
        page.line([(-0.02, 0.12), end], 0.025, mixed(colour, _WHITE, 0.5))


def _raised_wing(page: DrawingPage, colour: Colour) -> None:
    for tip in ((-0.52, -0.34), (-0.34, -0.46), (-0.14, -0.44)):
        page.area(_leaf((-0.08, 0.26), tip, 0.13), colour)
        page.line([(-0.1, 0.16), tip], 0.02, mixed(colour, _DARK, 0.3))


def _leaf(root: Place, tip: Place, wide: float) -> Points:
    """Return the outline of a leaf between two places."""
    start, end = np.array(root), np.array(tip)
    along = end - start
    across = np.array([-along[1], along[0]]) / np.hypot(*along) * 2 * wide
    middle = start + 0.55 * along
    one, other = (
        curve(tuple(start), tuple(middle + side * across), tuple(end)) for side in (0.5, -0.5)
    )
    return np.concatenate([one, other[::-1]])


VARIANTS: dict[Part, tuple[Variant, ...]] = {
    "tail": (
        Variant("fan", (222, 50, 44), _fan, ((-0.7, 0.03), (-0.75, 0.12), (-0.7, 0.2))),
        Variant("fork", (32, 78, 200), _fork, ((-0.8, 0.01), (-0.72, 0.04), (-0.72, 0.22))),
        Variant("plume", (196, 112, 0), _plume, ((-0.72, -0.14), (-0.74, -0.25), (-0.75, -0.38))),
    ),
    "feet": (
        Variant("webs", (250, 130, 10), _webs, ((-0.2, 0.79), (0.1, 0.79), (-0.22, 0.7))),
        Variant("stilts", (150, 14, 52), _stilts, ((-0.24, 0.66), (0.02, 0.66), (-0.22, 0.75))),
        Variant("boots", (40, 56, 128), _boots, ((-0.24, 0.72), (0.08, 0.72), (0.1, 0.8))),
    ),
    "beak": (
        Variant("short", (250, 170, 0), _short_beak, ((0.7, -0.34), (0.7, -0.23), (0.76, -0.33))),
        Variant("hooked", (196, 24, 90), _hooked_beak, ((0.7, -0.35), (0.8, -0.28), (0.68, -0.26))),
        Variant("long", (44, 60, 96), _long_beak, ((0.68, -0.29), (0.76, -0.25), (0.82, -0.22))),
    ),
    "eye": (
        Variant("dark", _DARK, _dark_eye, ((0.41, -0.38), (0.38, -0.4), (0.42, -0.35))),
        Variant("wide", (0, 150, 90), _wide_eye, ((0.36, -0.4), (0.38, -0.35), (0.38, -0.45))),
        Variant(
            "sleepy", (190, 60, 200), _sleepy_eye, ((0.4, -0.34), (0.35, -0.36), (0.46, -0.36))
        ),
    ),
    "wing": (
        Variant("round", (0, 138, 150), _round_wing, ((-0.18, 0.26), (-0.4, 0.14), (0.06, 0.14))),
        Variant(
            "pointed", (128, 54, 178), _pointed_wing, ((-0.2, 0.19), (-0.1, 0.12), (-0.3, 0.25))
        ),
        Variant("raised", (76, 140, 30), _raised_wing, ((-0.12, 0.1), (-0.2, -0.1), (-0.14, 0.0))),
    ),
}
"""The variants of each part."""
