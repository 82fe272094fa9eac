"""Hair on the head and in the face."""

from __future__ import annotations

import numpy as np

from causalxai_datasets.cartoon_faces.appearance import Appearance
from causalxai_datasets.cartoon_faces.attributes import Traits
from causalxai_datasets.cartoon_faces.head import DARK, half_width
from causalxai_datasets.cartoon_faces.mouth import MOUTH_LINE
from causalxai_datasets.drawing_page import (
    Colour,
    DrawingPage,
    Points,
    curve,
    mirrored,
    mixed,
    shifted,
)

_GREY: Colour = (214, 214, 220)
_SWIRL = np.linspace(-1, 1.6 * np.pi - 1, 9)
_SPIRAL: Points = (
    np.stack([np.cos(_SWIRL), np.sin(_SWIRL)], axis=1) * np.linspace(0.75, 0.35, 9)[:, None]
)


def hair_colour(traits: Traits, appearance: Appearance) -> Colour:
    """Return the colour of the hair, which is grey for old faces."""
    return appearance.hair if traits.young else mixed(appearance.hair, _GREY, 0.8)


def draw_hair_behind(page: DrawingPage, traits: Traits, appearance: Appearance) -> None:
    """Draw the hair behind the head: long hair, curls, a bun."""
    colour = mixed(hair_colour(traits, appearance), DARK, 0.25)
    if traits.wavy_hair:
        for x, y, radius in _curls(traits, appearance):
            page.oval((x, y), (radius * 1.12, radius * 1.12), colour)
    elif not traits.male and not traits.straight_hair:
        page.oval((0, -appearance.height - 0.08), (0.24, 0.2), colour)
    if not traits.male and (traits.straight_hair or traits.wavy_hair):
        wide = appearance.width + 0.08
        sides = [(wide, 0.78), (wide, 0), (wide * 0.8, -0.55)]
        page.area([*sides, *((-x, y) for x, y in reversed(sides))], colour)


def draw_hair(page: DrawingPage, traits: Traits, appearance: Appearance) -> None:
    """Draw the hair in front of the head."""
    colour = hair_colour(traits, appearance)
    page.area(_cap(traits, appearance), colour)
    if traits.straight_hair:
        _draw_fringe(page, traits, appearance, colour)
    if traits.wavy_hair:
        _draw_curls(page, traits, appearance, colour)
    else:
        light = mixed(colour, (255, 255, 255), 0.35)
        high = 0.16 - appearance.height
        shine = curve((-0.26, high), (0, high - 0.16), (0.26, high))
        page.line(shifted(shine, 0.1 * appearance.parting), 0.045, light, 0.7)


def draw_beard(page: DrawingPage, traits: Traits, appearance: Appearance) -> None:
    """Draw a beard that leaves the mouth free."""
    colour = mixed(hair_colour(traits, appearance), DARK, 0.3)
    y = 0.08 + (appearance.height - 0.08) * np.arange(20) / 19
    edge: Points = np.stack([half_width(traits, appearance, y) * 1.03, y * 1.07], axis=1)
    inner = np.array([(0.0, 0.36), (0.2, 0.33), (0.38, 0.34), (0.47, 0.22), (0.53, 0.08)])
    page.area(np.concatenate([mirrored(inner)[:0:-1], inner, edge, mirrored(edge)[::-1]]), colour)
    page.oval((appearance.gaze * 1.3, MOUTH_LINE + 0.01), (0.31, 0.16), appearance.skin)


def draw_moustache(page: DrawingPage, traits: Traits, appearance: Appearance) -> None:
    """Draw a moustache, above the lip and down beside it."""
    colour = mixed(hair_colour(traits, appearance), DARK, 0.4)
    x = appearance.gaze * 1.4
    half = np.array(
        [
            (0.0, 0.275),
            (0.12, 0.265),
            (0.24, 0.32),
            (0.33, 0.4),
            (0.22, 0.385),
            (0.1, 0.37),
            (0.0, 0.36),
        ]
    )
    for points in (half, mirrored(half)):
        page.area(shifted(points, x), colour)


def _cap(traits: Traits, appearance: Appearance) -> Points:
    """Return the outline of the hair above the forehead."""
    angle = np.linspace(np.pi, 2 * np.pi, 25)
    thick = 0.06 if traits.male and not traits.straight_hair else 0.1
    top = np.stack(
        [
            (appearance.width + 0.04) * np.cos(angle),
            (appearance.height * 0.94 + thick) * np.sin(angle),
        ],
        axis=1,
    )
    side = 0.0 if traits.male else 0.1
    parted = 0.24 * appearance.parting
    right = curve((appearance.width - 0.03, side), (appearance.width - 0.1, -0.42), (parted, -0.52))
    left = curve(
        (parted, -0.52), (-appearance.width + 0.1, -0.42), (-appearance.width + 0.03, side)
    )
    points: Points = np.concatenate([top, right, left])
    return points


def _draw_fringe(page: DrawingPage, traits: Traits, appearance: Appearance, colour: Colour) -> None:
    """Cover the forehead down to the brows, and the sides of women's faces."""
    dark = mixed(colour, DARK, 0.45)
    wide, low, high = appearance.width * 0.9, -0.25, -0.6
    page.area([(-wide, low), (-wide * 0.8, high), (wide * 0.8, high), (wide, low)], colour)
    for x in np.linspace(-0.8, 0.8, 6):
        page.line(
            [(x * appearance.width * 0.75, high + 0.02), (x * appearance.width, low)],
            0.022,
            dark,
            0.8,
        )
    if traits.male:
        return
    for side in (-1, 1):
        outer, inner = side * (appearance.width + 0.1), side * (appearance.width - 0.1)
        page.area(
            [
                (inner, -0.45),
                (outer * 0.74, -0.58),
                (outer * 0.93, -0.32),
                (outer, 0.1),
                (outer * 1.03, 0.82),
                (inner, 0.82),
            ],
            colour,
        )
        for share in (0.35, 0.7):
            x = inner + (outer - inner) * share
            page.line([(x, -0.3), (x, 0.8)], 0.022, dark, 0.8)


def _curls(traits: Traits, appearance: Appearance) -> list[tuple[float, float, float]]:
    """Return the middles of curls around the head, and their radii."""
    wide, high = appearance.width + 0.02, appearance.height - 0.02
    angles = np.linspace(np.pi - 0.1, 2 * np.pi + 0.1, 9)
    curls = [
        (wide * float(np.cos(angle)), high * float(np.sin(angle)), 0.17 + 0.03 * (place % 2))
        for place, angle in enumerate(angles)
    ]
    if not traits.male:
        for side in (-1, 1):
            curls += [
                (side * (wide + 0.06 * (row % 2)), 0.3 + 0.22 * row, 0.17) for row in range(4)
            ]
    return curls


def _draw_curls(page: DrawingPage, traits: Traits, appearance: Appearance, colour: Colour) -> None:
    light, dark = mixed(colour, (255, 255, 255), 0.32), mixed(colour, DARK, 0.4)
    for x, y, radius in _curls(traits, appearance):
        page.oval((x, y), (radius, radius), colour)
    for x, y, radius in _curls(traits, appearance):
        page.line(_SPIRAL * (appearance.parting * radius, radius) + (x, y), 0.03, dark, 0.8)
        page.line(
            curve((x - 0.08, y - 0.03), (x, y - 0.15), (x + 0.08, y - 0.03)), 0.03, light, 0.9
        )
