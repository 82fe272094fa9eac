"""A page for drawing smooth, partly translucent shapes in coordinates of what is drawn."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Points = NDArray[np.float64]
Colour = tuple[int, int, int]

# Shapes are drawn larger by this factor and averaged, because Pillow has no antialiasing.
_FINE = 4
_TURN = np.linspace(0, 2 * np.pi, 25)[:-1]
_CIRCLE: Points = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_ALONG = np.linspace(0, 1, 10)
_MIRROR: Points = np.array([-1.0, 1.0])
# The weights of a parabola's start, control point and end.
_PARABOLA: Points = np.stack([(1 - _ALONG) ** 2, 2 * _ALONG * (1 - _ALONG), _ALONG**2], axis=1)


@dataclass(frozen=True)
class Pose:
    """The position of what is drawn on the page.

    Parameters
    ----------
    x, y
        The place of the origin; the page goes from -1 to 1, downwards.
    tilt
        Radians, clockwise.
    scale
        The size.
    """

    x: float = 0.0
    y: float = 0.0
    tilt: float = 0.0
    scale: float = 1.0

    @property
    def turn(self) -> Points:
        """The matrix ``[2, 2]`` that turns and scales rows of coordinates."""
        sin, cos = math.sin(self.tilt) * self.scale, math.cos(self.tilt) * self.scale
        return np.array([[cos, sin], [-sin, cos]])

    def on_page(self, points: Points) -> Points:
        """Return where points ``[p, 2]`` are on the page."""
        placed: Points = points @ self.turn + (self.x, self.y)
        return placed


WHOLE_PAGE = Pose()
"""The page's own coordinates."""


class DrawingPage:
    """A square page of one colour.

    Parameters
    ----------
    size
        Height and width in pixels, once it is finished.
    background
        The page's colour.
    pose
        The position of what is drawn. Shapes are given in coordinates with the origin at its place,
        x to the right, y downwards, and half the page's side as unit, turned and scaled as it says.
    """

    def __init__(self, size: int, background: Colour, pose: Pose = WHOLE_PAGE) -> None:
        self._half = size * _FINE / 2
        self._image = Image.new("RGB", (size * _FINE, size * _FINE), background)
        self._draw = ImageDraw.Draw(self._image, "RGBA")
        self._set(pose)

    def posed(self, pose: Pose) -> Self:
        """Return the same page for drawing in another position."""
        page = copy.copy(self)
        page._set(pose)
        return page

    def _set(self, pose: Pose) -> None:
        self._turn: Points = pose.turn * self._half
        self._shift: Points = (np.array([pose.x, pose.y]) + 1) * self._half
        self._unit = pose.scale * self._half

    def area(
        self, points: Points | Sequence[tuple[float, float]], colour: Colour, alpha: float = 1
    ) -> None:
        """Fill the inside of a closed line."""
        self._draw.polygon(self._place(points), (*colour, round(255 * alpha)))

    def line(
        self,
        points: Points | Sequence[tuple[float, float]],
        width: float,
        colour: Colour,
        alpha: float = 1,
    ) -> None:
        """Draw along a line."""
        pixels = max(1, round(width * self._unit))
        self._draw.line(self._place(points), (*colour, round(255 * alpha)), pixels, "curve")

    def oval(
        self,
        middle: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        alpha: float = 1,
    ) -> None:
        """Fill an ellipse."""
        self.area(_CIRCLE * radii + middle, colour, alpha)

    def glow(
        self,
        middle: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        alpha: float,
    ) -> None:
        """Fill an ellipse that fades towards its border."""
        for share in (1.0, 0.75, 0.5):
            self.oval(middle, (radii[0] * share, radii[1] * share), colour, alpha / 2.5)

    def finish(self) -> NDArray[np.uint8]:
        """Return ``[3, size, size]``."""
        return np.asarray(self._image.reduce(_FINE)).transpose(2, 0, 1)

    def _place(self, points: Points | Sequence[tuple[float, float]]) -> list[float]:
        placed: list[float] = (np.asarray(points) @ self._turn + self._shift).ravel().tolist()
        return placed


def curve(
    start: tuple[float, float], bend: tuple[float, float], end: tuple[float, float]
) -> Points:
    """Return points on the parabola that leaves ``start`` towards ``bend`` and comes to ``end``."""
    points: Points = _PARABOLA @ np.array([start, bend, end])
    return points


def mirrored(points: Points) -> Points:
    """Return points on the other side of the vertical axis."""
    return points * _MIRROR


def shifted(points: Points, right: float) -> Points:
    """Return points further to the right."""
    moved: Points = points + np.array([right, 0.0])
    return moved


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """Return a mixture of two colours; ``share`` is the weight of the other one."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
