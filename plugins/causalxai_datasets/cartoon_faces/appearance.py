"""Differences between faces other than attributes: colours, proportions and pose."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from causalxai_datasets.drawing_page import Colour, Pose, mixed

_SKINS: tuple[Colour, ...] = (
    (255, 224, 200),
    (246, 206, 172),
    (232, 184, 142),
    (214, 160, 114),
    (184, 128, 86),
    (148, 98, 66),
    (112, 74, 52),
)
_HAIRS: tuple[Colour, ...] = (
    (38, 30, 32),
    (66, 42, 30),
    (104, 64, 36),
    (146, 92, 44),
    (172, 72, 34),
    (214, 164, 82),
    (92, 34, 30),
)
_EYES: tuple[Colour, ...] = ((74, 48, 30), (60, 108, 160), (70, 130, 84), (104, 112, 122))
_LIPSTICKS: tuple[Colour, ...] = ((208, 20, 54), (186, 12, 92), (222, 44, 36))
_SHADOWS: tuple[Colour, ...] = ((124, 68, 196), (30, 128, 196), (206, 50, 152), (20, 150, 140))

NUMBERS = 27
"""The number of values that describe an appearance: the last is 1 for a mask, others in [0, 1)."""


@dataclass(frozen=True)
class Appearance:
    """Random properties of a face that are independent of the attributes.

    Parameters
    ----------
    skin, hair, eyes, background, clothes, lipstick, shadow
        Colours.
    pose
        The position of the face.
    width, height
        Half the width and half the height of the head, in the face's coordinates.
    gaze
        The horizontal offset of the features, which shows how far the head is turned.
    eye_distance, eye_size, brow, nose, mouth
        Proportions, around 1.
    parting
        The side of the hair's parting: -1 or 1.
    masked
        Whether a mask covers mouth and chin.
    """

    skin: Colour
    hair: Colour
    eyes: Colour
    background: Colour
    clothes: Colour
    lipstick: Colour
    shadow: Colour
    pose: Pose
    width: float
    height: float
    gaze: float
    eye_distance: float
    eye_size: float
    brow: float
    nose: float
    mouth: float
    parting: int
    masked: bool

    @classmethod
    def of(cls, numbers: NDArray[np.float64]) -> Self:
        """Return the appearance that ``NUMBERS`` numbers describe."""
        u = [float(number) for number in numbers]
        return cls(
            skin=_between(_SKINS, u[0], u[1]),
            hair=_between(_HAIRS, u[2], u[3]),
            eyes=_EYES[int(u[4] * len(_EYES))],
            background=_of_hue(u[5], 0.16 + 0.24 * u[6], 0.78 + 0.18 * u[7]),
            clothes=_of_hue(u[8], 0.35 + 0.4 * u[9], 0.4 + 0.5 * u[10]),
            lipstick=_LIPSTICKS[int(u[11] * len(_LIPSTICKS))],
            shadow=_SHADOWS[int(u[12] * len(_SHADOWS))],
            pose=Pose(
                x=_around(0, 0.06, u[13]),
                y=_around(0.08, 0.04, u[14]),
                tilt=_around(0, math.radians(7), u[15]),
                scale=_around(1.04, 0.05, u[16]),
            ),
            width=_around(0.56, 0.03, u[17]),
            height=_around(0.72, 0.03, u[18]),
            gaze=_around(0, 0.04, u[19]),
            eye_distance=_around(1, 0.06, u[20]),
            eye_size=_around(1, 0.08, u[21]),
            brow=_around(1, 0.15, u[22]),
            nose=_around(1, 0.2, u[23]),
            mouth=_around(1, 0.06, u[24]),
            parting=1 if u[25] < 0.5 else -1,
            masked=u[26] == 1,
        )


def draw_looks(n: int, rng: np.random.Generator, masked: float = 0.0) -> NDArray[np.float64]:
    """Return ``[n, NUMBERS]``, the numbers of ``n`` appearances, of which a share has a mask."""
    numbers = rng.random((n, NUMBERS - 1))
    masks = rng.random(n) < masked
    return np.column_stack([numbers, masks.astype(np.float64)])


def _around(middle: float, reach: float, number: float) -> float:
    return middle + reach * (2 * number - 1)


def _between(colours: tuple[Colour, ...], which: float, share: float) -> Colour:
    place = int(which * len(colours))
    return mixed(colours[place], colours[(place + 1) % len(colours)], 0.4 * share)


def _of_hue(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue
