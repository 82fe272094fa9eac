"""Head, neck, eyes, nose, cheeks and the marks of age."""

from __future__ import annotations

import numpy as np

from causalxai_datasets.cartoon_faces.appearance import Appearance
from causalxai_datasets.cartoon_faces.attributes import Traits
from causalxai_datasets.drawing_page import (
    Colour,
    DrawingPage,
    Points,
    curve,
    mirrored,
    mixed,
    shifted,
)

WHITE: Colour = (255, 255, 255)
DARK: Colour = (34, 22, 26)
_ROSE: Colour = (226, 62, 92)
_BROWN: Colour = (92, 40, 24)
_EYE_LINE = -0.02


def half_width(traits: Traits, appearance: Appearance, y: Points) -> Points:
    """Return half the head's width at heights between the eyes and the chin."""
    down = np.clip(y / appearance.height, 0, 1)
    jaw = 3.4 if traits.male else 2.0
    width: Points = appearance.width * np.sqrt(1 - down**jaw)
    if traits.high_cheekbones:
        width += 0.045 * np.exp(-(((down - 0.12) / 0.14) ** 2))
        width -= 0.05 * np.exp(-(((down - 0.55) / 0.16) ** 2))
    return width


def outline(traits: Traits, appearance: Appearance, grown: float = 1.0) -> Points:
    """Return the closed outline of the head."""
    angle = np.linspace(np.pi, 2 * np.pi, 25)
    top = np.stack(
        [appearance.width * np.cos(angle), 0.94 * appearance.height * np.sin(angle)], axis=1
    )
    y = appearance.height * np.sin(np.linspace(0, np.pi / 2, 17))
    right = np.stack([half_width(traits, appearance, y), y], axis=1)
    points: Points = np.concatenate([top, right, mirrored(right)[::-1]]) * grown
    return points


def draw_body(page: DrawingPage, traits: Traits, appearance: Appearance) -> None:
    """Draw shoulders and neck."""
    wide = 0.34 if traits.male else 0.22
    shade = mixed(appearance.skin, _BROWN, 0.32)
    shoulder = 1.15 if traits.male else 0.85
    low, high = 1.5, appearance.height + (0.06 if traits.male else 0.12)
    page.area(
        [
            (-shoulder, low),
            (-shoulder * 0.8, high + 0.08),
            (-wide, high - 0.04),
            (wide, high - 0.04),
            (shoulder * 0.8, high + 0.08),
            (shoulder, low),
        ],
        appearance.clothes,
    )
    page.area([(-wide, 0.3), (wide, 0.3), (wide, high), (0, high + 0.22), (-wide, high)], shade)
    if traits.male:
        light = mixed(appearance.clothes, WHITE, 0.55)
        for side in (-1, 1):
            page.area(
                [
                    (side * wide, high - 0.08),
                    (side * wide * 1.25, high + 0.1),
                    (side * 0.06, high + 0.3),
                    (side * 0.02, high + 0.2),
                ],
                light,
            )


def draw_head(page: DrawingPage, traits: Traits, appearance: Appearance) -> None:
    """Draw ears and the bare head, a little darker towards its border."""
    shade = mixed(appearance.skin, _BROWN, 0.18)
    for side in (-1, 1):
        page.oval((side * appearance.width * 1.0, 0.06), (0.1, 0.14), shade)
        page.oval(
            (side * appearance.width * 1.0, 0.06),
            (0.06, 0.09),
            mixed(appearance.skin, _BROWN, 0.32),
        )
    page.area(outline(traits, appearance), shade)
    inner = outline(traits, appearance, 0.955)
    inner[:, 1] -= 0.015
    page.area(inner, appearance.skin)
    page.glow((appearance.gaze, -0.32), (0.3, 0.16), WHITE, 0.14)


def draw_cheeks(page: DrawingPage, traits: Traits, appearance: Appearance) -> None:
    """Draw rouge, and light and shade where cheekbones stand out."""
    for side in (-1, 1):
        x = appearance.gaze + side * 0.36
        if traits.heavy_make_up:
            page.glow((x, 0.24), (0.16, 0.11), _ROSE, 0.75)
        if traits.high_cheekbones:
            hollow = curve((side * 0.53, 0.26), (side * 0.42, 0.4), (side * 0.27, 0.42))
            dark, light = (
                mixed(appearance.skin, _BROWN, 0.62),
                mixed(appearance.skin, (255, 240, 214), 0.6),
            )
            for width in (0.13, 0.09, 0.05):
                page.line(hollow, width, dark, 0.26)
            crest = curve((side * 0.5, 0.08), (side * 0.44, 0.2), (side * 0.26, 0.2))
            for width in (0.12, 0.08, 0.05):
                page.line(shifted(crest, appearance.gaze), width, light, 0.5)


def draw_nose(page: DrawingPage, appearance: Appearance) -> None:
    """Draw the tip's shadow and the ridge's light."""
    wide = 0.075 * appearance.nose
    middle = appearance.gaze * 1.6
    shade = mixed(appearance.skin, _BROWN, 0.5)
    page.line(curve((middle - wide, 0.19), (middle, 0.27), (middle + wide, 0.19)), 0.04, shade)
    page.glow((middle, 0.1), (0.045, 0.12), WHITE, 0.25)


def draw_age(page: DrawingPage, appearance: Appearance) -> None:
    """Draw the lines of an old face."""
    shade = mixed(appearance.skin, _BROWN, 0.62)
    middle = appearance.gaze
    for y, wide in ((-0.44, 0.22), (-0.36, 0.26)):
        page.line(
            curve((middle - wide, y), (middle, y - 0.05), (middle + wide, y)), 0.025, shade, 0.8
        )
    fold = curve((0.13, 0.22), (0.29, 0.28), (0.31, 0.42))
    bag = curve((0.12, 0.14), (0.24, 0.2), (0.36, 0.12))
    foot = np.array([(0.4, 0.0), (0.48, -0.04)])
    lower_foot = np.array([(0.4, 0.04), (0.48, 0.08)])
    for line in (fold, bag, foot, lower_foot):
        for points in (line, mirrored(line)):
            page.line(shifted(points, middle), 0.032, shade, 0.9)


def draw_eyes(page: DrawingPage, traits: Traits, appearance: Appearance, brow: Colour) -> None:
    """Draw eyes and brows, with lashes and shadow where there is make-up."""
    size = appearance.eye_size * (1.08 if traits.young else 0.86)
    for side in (-1, 1):
        x = appearance.gaze + side * 0.235 * appearance.eye_distance
        wide, high = 0.135 * size, 0.12 * size
        if traits.heavy_make_up:
            page.oval((x, _EYE_LINE - 0.06), (wide * 1.35, high * 1.25), appearance.shadow, 0.9)
        page.oval((x, _EYE_LINE), (wide, high), WHITE)
        pupil = x + appearance.gaze * 0.6
        page.oval((pupil, _EYE_LINE), (0.085 * size, 0.095 * size), appearance.eyes)
        page.oval((pupil, _EYE_LINE), (0.05 * size, 0.058 * size), DARK)
        page.oval((pupil - 0.03, _EYE_LINE - 0.035), (0.025, 0.025), WHITE)
        lid = curve(
            (x - wide, _EYE_LINE - 0.01), (x, _EYE_LINE - 2 * high), (x + wide, _EYE_LINE - 0.01)
        )
        page.line(lid, 0.055 if traits.heavy_make_up else 0.03, DARK)
        if traits.heavy_make_up:
            outer = x + side * wide
            for rise in (0.03, 0.1):
                page.line(
                    [(outer, _EYE_LINE), (outer + side * 0.09, _EYE_LINE - rise)], 0.035, DARK
                )
        thick = (0.085 if traits.male else 0.042) * appearance.brow
        y = _EYE_LINE - (0.2 if traits.male else 0.235)
        inner, outer = x - side * 0.12, x + side * 0.16
        arch = curve((inner, y + 0.02), (x + side * 0.03, y - 0.08), (outer, y + 0.03))
        page.line(arch, thick, brow)
