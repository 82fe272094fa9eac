"""The drawing of a scene: a cube or a ball on a floor, with cones behind it."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from causalxai_datasets.drawing_page import Colour, DrawingPage, Pose, mirrored, mixed

Property = Literal["cube", "large", "blue", "striped"]

PROPERTIES: tuple[Property, ...] = get_args(Property)
"""All properties of the object, in the order of columns."""


class Properties(NamedTuple):
    """What the object is, in the order of ``PROPERTIES``: otherwise a ball, small, red, plain."""

    cube: bool
    large: bool
    blue: bool
    striped: bool


Place: TypeAlias = tuple[float, float]

_RED: Colour = (214, 52, 48)
_BLUE: Colour = (44, 92, 210)
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (20, 18, 30)
# Objects are drawn within a square from -1 to 1. The cube's front ends here, right and above.
_FRONT = 0.5
# The heights of stripes.
_STRIPES = ((-0.35, -0.05), (0.25, 0.55))
_MOST_CONES = 4
_HALF_COVERED = 118

NUMBERS = 26
"""The number of values in [0, 1) that describe a look."""


@dataclass(frozen=True)
class Look:
    """All of a picture but the object's properties.

    Parameters
    ----------
    wall, floor
        Colours.
    horizon
        The height at which the floor meets the wall; the page goes from -1 to 1, downwards.
    foot
        Where the object stands.
    sizes
        Half the object's height if it is small and if it is large.
    tone
        The share of black in the object's colour.
    cones
        Place, size and colour of the cones.
    """

    wall: Colour
    floor: Colour
    horizon: float
    foot: Place
    sizes: tuple[float, float]
    tone: float
    cones: tuple[tuple[Place, float, Colour], ...]

    @classmethod
    def of(cls, numbers: NDArray[np.float64]) -> Self:
        """Return the look that ``NUMBERS`` numbers describe."""
        u = [float(number) for number in numbers]
        horizon = -0.1 + 0.25 * u[0]
        cones = tuple(
            (
                (-0.9 + 1.8 * x, horizon + 0.08 + 0.22 * y),
                0.16 + 0.14 * size,
                _of_hue(0.12 + 0.24 * hue, 0.55, 0.62 + 0.26 * hue),
            )
            for x, y, size, hue in np.reshape(u[10:], (_MOST_CONES, 4))[
                : 1 + int(_MOST_CONES * u[1])
            ]
        )
        return cls(
            wall=_of_hue(u[2], 0.06 + 0.14 * u[3], 0.84 + 0.1 * u[4]),
            floor=_of_hue(u[5], 0.1 + 0.12 * u[3], 0.66 + 0.14 * u[4]),
            horizon=horizon,
            foot=(0.4 * (2 * u[6] - 1), 0.68 + 0.14 * u[7]),
            sizes=(0.25 + 0.04 * u[8], 0.5 + 0.05 * u[8]),
            tone=0.2 * u[9],
            # Those further away are drawn first.
            cones=tuple(sorted(cones, key=lambda cone: cone[0][1])),
        )


def draw_scene(
    properties: NDArray[np.bool_], numbers: NDArray[np.float64], size: int
) -> NDArray[np.uint8]:
    """Return a picture, ``[3, size, size]``, RGB.

    Parameters
    ----------
    properties
        ``[4]``, in the order of ``PROPERTIES``.
    numbers
        ``[NUMBERS]``, which describe the look.
    size
        Height and width in pixels.
    """
    look = Look.of(numbers)
    page = DrawingPage(size, look.wall)
    _draw_room(page, look)
    _draw_object(page, look, Properties(*properties.tolist()))
    return page.finish()


def object_mask(
    properties: NDArray[np.bool_], numbers: NDArray[np.float64], size: int
) -> NDArray[np.bool_]:
    """Return where the object is seen, ``[size, size]``; its shadow does not belong to it."""
    drawn = []
    for colour in (_BLACK, _WHITE):
        page = DrawingPage(size, colour)
        _draw_object(page, Look.of(numbers), Properties(*properties.tolist()), shadow=False)
        drawn.append(page.finish()[0].astype(int))
    # The background shines through by half where the object covers half of a pixel.
    mask: NDArray[np.bool_] = np.abs(drawn[1] - drawn[0]) < _HALF_COVERED
    return mask


def _draw_room(page: DrawingPage, look: Look) -> None:
    page.area([(-1, look.horizon), (1, look.horizon), (1, 1), (-1, 1)], look.floor)
    page.line([(-1, look.horizon), (1, look.horizon)], 0.05, mixed(look.floor, _WHITE, 0.45))
    for share in (0.3, 0.65):
        y = look.horizon + share * (1 - look.horizon)
        page.line([(-1, y), (1, y)], 0.015, mixed(look.floor, _BLACK, 0.12))
    for (x, y), high, colour in look.cones:
        page.glow((x + 0.4 * high, y), (0.9 * high, 0.22 * high), _BLACK, 0.35)
        page.oval((x, y), (0.6 * high, 0.14 * high), colour)
        right, tip = (x + 0.6 * high, y), (x, y - 1.5 * high)
        page.area([(x - 0.6 * high, y), right, tip], colour)
        page.area([(x + 0.1 * high, y + 0.1 * high), right, tip], mixed(colour, _BLACK, 0.25))


def _draw_object(page: DrawingPage, look: Look, chosen: Properties, *, shadow: bool = True) -> None:
    half = look.sizes[chosen.large]
    x, foot = look.foot
    if shadow:
        page.glow((x + 0.3 * half, foot - 0.1 * half), (1.2 * half, 0.3 * half), _BLACK, 0.6)
    colour = mixed(_BLUE if chosen.blue else _RED, _BLACK, look.tone)
    draw = _draw_cube if chosen.cube else _draw_ball
    draw(page.posed(Pose(x, foot - half, 0.0, half)), colour, chosen.striped)


def _draw_ball(page: DrawingPage, colour: Colour, striped: bool) -> None:
    page.oval((0, 0), (1, 1), mixed(colour, _BLACK, 0.3))
    page.oval((-0.05, -0.06), (0.92, 0.92), colour)
    for low, high in _STRIPES * striped:
        heights = np.linspace(low, high, 9)
        right = np.stack([0.97 * np.sqrt(1 - heights**2), heights], axis=1)
        page.area(np.concatenate([right, mirrored(right)[::-1]]), _WHITE)
    page.glow((-0.35, -0.45), (0.32, 0.22), _WHITE, 0.5)


def _draw_cube(page: DrawingPage, colour: Colour, striped: bool) -> None:
    back = 1 - _FRONT
    top = [(-1, -_FRONT), (-1 + back, -1), (1, -1), (_FRONT, -_FRONT)]
    page.area(top, mixed(colour, _WHITE, 0.3))
    page.area([(_FRONT, -_FRONT), (1, -1), (1, _FRONT), (_FRONT, 1)], mixed(colour, _BLACK, 0.35))
    page.area([(-1, -_FRONT), (_FRONT, -_FRONT), (_FRONT, 1), (-1, 1)], colour)
    for low, high in _STRIPES * striped:
        page.area([(-1, low), (_FRONT, low), (_FRONT, high), (-1, high)], _WHITE)
        page.area(
            [(_FRONT, low), (1, low - back), (1, high - back), (_FRONT, high)],
            mixed(_WHITE, _BLACK, 0.25),
        )


def _of_hue(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue
