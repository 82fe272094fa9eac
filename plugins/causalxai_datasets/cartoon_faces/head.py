"""Head, neck, eyes, nose, cheeks and the marks of age."""

from __future__ import annotations

import numpy as np

from causalxai_datasets.cartoon_faces.appearance import Look
from causalxai_datasets.cartoon_faces.attributes import Traits
from causalxai_datasets.cartoon_faces.canvas import (
    Canvas,
    Colour,
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


def half_width(traits: Traits, look: Look, y: Points) -> Points:
    """Return half the head's width at heights between the eyes and the chin."""
    down = np.clip(y / look.height, 0, 1)
    jaw = 3.4 if traits.male else 2.0
    width: Points = look.width * np.sqrt(1 - down**jaw)
    if traits.high_cheekbones:
        width += 0.045 * np.exp(-(((down - 0.12) / 0.14) ** 2))
        width -= 0.05 * np.exp(-(((down - 0.55) / 0.16) ** 2))
    return width


def outline(traits: Traits, look: Look, grown: float = 1.0) -> Points:
    """Return the closed outline of the head."""
    angle = np.linspace(np.pi, 2 * np.pi, 25)
    top = np.stack([look.width * np.cos(angle), 0.94 * look.height * np.sin(angle)], axis=1)
    y = look.height * np.sin(np.linspace(0, np.pi / 2, 17))
    right = np.stack([half_width(traits, look, y), y], axis=1)
    points: Points = np.concatenate([top, right, mirrored(right)[::-1]]) * grown
    return points


def draw_body(canvas: Canvas, traits: Traits, look: Look) -> None:
    """Draw shoulders and neck."""
    wide = 0.34 if traits.male else 0.22
    shade = mixed(look.skin, _BROWN, 0.32)
    shoulder = 1.15 if traits.male else 0.85
    low, high = 1.5, look.height + (0.06 if traits.male else 0.12)
    canvas.area(
        [
            (-shoulder, low),
            (-shoulder * 0.8, high + 0.08),
            (-wide, high - 0.04),
            (wide, high - 0.04),
            (shoulder * 0.8, high + 0.08),
            (shoulder, low),
        ],
        look.clothes,
    )
    canvas.area([(-wide, 0.3), (wide, 0.3), (wide, high), (0, high + 0.22), (-wide, high)], shade)
    if traits.male:
        light = mixed(look.clothes, WHITE, 0.55)
        for side in (-1, 1):
            canvas.area(
                [
                    (side * wide, high - 0.08),
                    (side * wide * 1.25, high + 0.1),
                    (side * 0.06, high + 0.3),
                    (side * 0.02, high + 0.2),
                ],
                light,
            )


def draw_head(canvas: Canvas, traits: Traits, look: Look) -> None:
    """Draw ears and the bare head, a little darker towards its border."""
    shade = mixed(look.skin, _BROWN, 0.18)
    for side in (-1, 1):
        canvas.oval((side * look.width * 1.0, 0.06), (0.1, 0.14), shade)
        canvas.oval((side * look.width * 1.0, 0.06), (0.06, 0.09), mixed(look.skin, _BROWN, 0.32))
    canvas.area(outline(traits, look), shade)
    inner = outline(traits, look, 0.955)
    inner[:, 1] -= 0.015
    canvas.area(inner, look.skin)
    canvas.glow((look.gaze, -0.32), (0.3, 0.16), WHITE, 0.14)


def draw_cheeks(canvas: Canvas, traits: Traits, look: Look) -> None:
    """Draw rouge, and light and shade where cheekbones stand out."""
    for side in (-1, 1):
        x = look.gaze + side * 0.36
        if traits.heavy_make_up:
            canvas.glow((x, 0.24), (0.16, 0.11), _ROSE, 0.75)
        if traits.high_cheekbones:
            hollow = curve((side * 0.53, 0.26), (side * 0.42, 0.4), (side * 0.27, 0.42))
            dark, light = mixed(look.skin, _BROWN, 0.62), mixed(look.skin, (255, 240, 214), 0.6)
            for width in (0.13, 0.09, 0.05):
                canvas.line(hollow, width, dark, 0.26)
            crest = curve((side * 0.5, 0.08), (side * 0.44, 0.2), (side * 0.26, 0.2))
            for width in (0.12, 0.08, 0.05):
                canvas.line(shifted(crest, look.gaze), width, light, 0.5)


def draw_nose(canvas: Canvas, look: Look) -> None:
    """Draw the tip's shadow and the ridge's light."""
    wide = 0.075 * look.nose
    middle = look.gaze * 1.6
    shade = mixed(look.skin, _BROWN, 0.5)
    canvas.line(curve((middle - wide, 0.19), (middle, 0.27), (middle + wide, 0.19)), 0.04, shade)
    canvas.glow((middle, 0.1), (0.045, 0.12), WHITE, 0.25)


def draw_age(canvas: Canvas, look: Look) -> None:
    """Draw the lines of an old face."""
    shade = mixed(look.skin, _BROWN, 0.62)
    middle = look.gaze
    for y, wide in ((-0.44, 0.22), (-0.36, 0.26)):
        canvas.line(
            curve((middle - wide, y), (middle, y - 0.05), (middle + wide, y)), 0.025, shade, 0.8
        )
    fold = curve((0.13, 0.22), (0.29, 0.28), (0.31, 0.42))
    bag = curve((0.12, 0.14), (0.24, 0.2), (0.36, 0.12))
    foot = np.array([(0.4, 0.0), (0.48, -0.04)])
    lower_foot = np.array([(0.4, 0.04), (0.48, 0.08)])
    for line in (fold, bag, foot, lower_foot):
        for points in (line, mirrored(line)):
            canvas.line(shifted(points, middle), 0.032, shade, 0.9)


def draw_eyes(canvas: Canvas, traits: Traits, look: Look, brow: Colour) -> None:
    """Draw eyes and brows, with lashes and shadow where there is make-up."""
    size = look.eye_size * (1.08 if traits.young else 0.86)
    for side in (-1, 1):
        x = look.gaze + side * 0.235 * look.eye_distance
        wide, high = 0.135 * size, 0.12 * size
        if traits.heavy_make_up:
            canvas.oval((x, _EYE_LINE - 0.06), (wide * 1.35, high * 1.25), look.shadow, 0.9)
        canvas.oval((x, _EYE_LINE), (wide, high), WHITE)
        pupil = x + look.gaze * 0.6
        canvas.oval((pupil, _EYE_LINE), (0.085 * size, 0.095 * size), look.eyes)
        canvas.oval((pupil, _EYE_LINE), (0.05 * size, 0.058 * size), DARK)
        canvas.oval((pupil - 0.03, _EYE_LINE - 0.035), (0.025, 0.025), WHITE)
        lid = curve(
            (x - wide, _EYE_LINE - 0.01), (x, _EYE_LINE - 2 * high), (x + wide, _EYE_LINE - 0.01)
        )
        canvas.line(lid, 0.055 if traits.heavy_make_up else 0.03, DARK)
        if traits.heavy_make_up:
            outer = x + side * wide
            for rise in (0.03, 0.1):
                canvas.line(
                    [(outer, _EYE_LINE), (outer + side * 0.09, _EYE_LINE - rise)], 0.035, DARK
                )
        thick = (0.085 if traits.male else 0.042) * look.brow
        y = _EYE_LINE - (0.2 if traits.male else 0.235)
        inner, outer = x - side * 0.12, x + side * 0.16
        arch = curve((inner, y + 0.02), (x + side * 0.03, y - 0.08), (outer, y + 0.03))
        canvas.line(arch, thick, brow)
