"""The mouth, with or without a smile, open or closed, with or without lipstick."""

from __future__ import annotations

import numpy as np

from causalxai_datasets.cartoon_faces.appearance import Appearance
from causalxai_datasets.cartoon_faces.attributes import Traits
from causalxai_datasets.drawing_page import Colour, DrawingPage, Points, mixed

MOUTH_LINE = 0.43
_TEETH: Colour = (252, 248, 240)
_INSIDE: Colour = (86, 16, 26)
_TONGUE: Colour = (206, 86, 92)
_LIPS: Colour = (190, 66, 74)
_SHARE: Points = np.arange(-10, 11) / 10


def draw_mouth(page: DrawingPage, traits: Traits, appearance: Appearance) -> None:
    """Draw the lips and the opening between them."""
    wide = appearance.mouth * (0.27 if traits.smiling else 0.15 if traits.open_mouth else 0.2)
    middle = appearance.gaze * 1.3
    x = middle + wide * _SHARE
    arch = 1 - _SHARE**2
    bend = 0.11 if traits.smiling else -0.035
    line = MOUTH_LINE - 0.06 * traits.smiling + bend * arch
    up, down = _opening(traits)
    upper, lower = line - up * arch, line + down * arch
    thick = 0.07 if traits.lipstick else 0.03
    colour = appearance.lipstick if traits.lipstick else mixed(appearance.skin, _LIPS, 0.6)
    round_ = arch**0.6
    page.area(_between(x, upper - thick * round_, lower + 1.15 * thick * round_), colour)
    if not traits.open_mouth:
        page.line(np.stack([x, line], axis=1), 0.04, mixed(colour, (44, 8, 12), 0.8))
        return
    page.area(_between(x, upper, lower), _INSIDE)
    page.oval(
        (middle, MOUTH_LINE + (0.15 if traits.smiling else 0.09)), (wide * 0.42, 0.035), _TONGUE
    )
    teeth = upper + (0.075 if traits.smiling else 0.035) * arch**0.5
    page.area(_between(x, upper, np.minimum(teeth, lower)), _TEETH)


def _opening(traits: Traits) -> tuple[float, float]:
    """Return the distances of the lips above and below the line of the mouth."""
    if not traits.open_mouth:
        return 0.0, 0.0
    return (0.0, 0.16) if traits.smiling else (0.07, 0.13)


def _between(x: Points, upper: Points, lower: Points) -> Points:
    """Return the closed outline of the area between two lines."""
    points: Points = np.concatenate(
        [np.stack([x, upper], axis=1), np.stack([x, lower], axis=1)[::-1]]
    )
    return points
