"""The landscapes in front of which birds stand, and how each bird is placed in its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from causalxai_datasets.drawing_page import Colour, DrawingPage, Pose, mixed

_WHITE: Colour = (255, 255, 255)
# Sky, far hills and ground: all are pale, so that no part of a bird is like them.
_LANDSCAPES: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((168, 206, 232), (158, 194, 176), (178, 208, 150)),
    ((240, 206, 186), (206, 172, 178), (222, 196, 164)),
    ((196, 190, 222), (170, 164, 200), (182, 176, 190)),
    ((182, 220, 216), (150, 192, 190), (228, 214, 176)),
    ((206, 220, 232), (182, 198, 214), (232, 236, 240)),
)
_BODIES: tuple[Colour, ...] = (
    (250, 246, 234),
    (244, 226, 206),
    (226, 232, 240),
    (250, 224, 226),
    (216, 212, 206),
)

NUMBERS = 19
"""The number of values in [0, 1) that describe a look."""


@dataclass(frozen=True)
class Look:
    """All of a picture but the parts: landscape, body and pose.

    Parameters
    ----------
    sky, hills, ground, body
        Colours.
    horizon
        The height of the ground on the page, which goes from -1 to 1, downwards.
    slope
        The difference of the ground's height between right and left.
    hill
        The place of the highest hill.
    sun, cloud
        The places of the sun and of a cloud.
    trees
        The places of trees on the horizon.
    pose
        The position of the bird.
    mirrored
        Whether the picture is mirrored, so that the bird looks to the left.
    """

    sky: Colour
    hills: Colour
    ground: Colour
    body: Colour
    horizon: float
    slope: float
    hill: float
    sun: tuple[float, float]
    cloud: tuple[float, float]
    trees: tuple[float, ...]
    pose: Pose
    mirrored: bool

    @classmethod
    def of(cls, numbers: NDArray[np.float64]) -> Self:
        """Return the look that ``NUMBERS`` numbers describe."""
        u = [float(number) for number in numbers]
        sky, hills, ground = _LANDSCAPES[int(u[0] * len(_LANDSCAPES))]
        other = _LANDSCAPES[int(u[1] * len(_LANDSCAPES))][0]
        return cls(
            sky=mixed(sky, other, 0.3),
            hills=hills,
            ground=ground,
            body=_BODIES[int(u[2] * len(_BODIES))],
            horizon=0.4 + 0.3 * u[3],
            slope=0.2 * (2 * u[4] - 1),
            hill=2 * u[5] - 1,
            sun=(2 * u[6] - 1, -0.85 + 0.4 * u[7]),
            cloud=(2 * u[8] - 1, -0.8 + 0.5 * u[9]),
            trees=tuple(2 * number - 1 for number in u[16 : 16 + int(4 * u[10])]),
            pose=Pose(
                x=0.04 * (2 * u[11] - 1),
                y=0.05 * (2 * u[12] - 1),
                tilt=math.radians(7) * (2 * u[13] - 1),
                scale=0.86 + 0.1 * u[14],
            ),
            mirrored=u[15] < 0.5,
        )


def draw_landscape(page: DrawingPage, look: Look) -> None:
    """Draw sun, cloud, hills, trees and ground on a page of the sky's colour."""
    page.oval(look.sun, (0.2, 0.2), mixed(look.sky, (255, 240, 190), 0.75))
    x, y = look.cloud
    for dx, dy, size in ((-0.18, 0.03, 0.12), (0.0, 0.0, 0.17), (0.2, 0.04, 0.11)):
        page.oval((x + dx, y + dy), (size * 1.3, size * 0.8), mixed(look.sky, _WHITE, 0.6))
    far = look.horizon - 0.1
    page.oval((look.hill, far + 0.45), (0.9, 0.7), look.hills)
    page.oval((look.hill - 1.1, far + 0.5), (0.8, 0.62), mixed(look.hills, look.sky, 0.25))
    for place in look.trees:
        top = far - 0.18
        page.area(
            [(place, top - 0.24), (place - 0.14, far + 0.1), (place + 0.14, far + 0.1)],
            mixed(look.hills, (70, 100, 90), 0.3),
        )
    left, right = look.horizon - look.slope / 2, look.horizon + look.slope / 2
    page.area([(-1, left), (1, right), (1, 1), (-1, 1)], look.ground)
    page.area([(-1, 0.92), (1, 0.84), (1, 1), (-1, 1)], mixed(look.ground, _WHITE, 0.3))
