"""Redrawing of digits such that their measured concepts have given values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from causalxai_datasets.morpho.concepts import CONCEPTS, PAGE, RANGES
from causalxai_datasets.morpho.measuring import Pixels, measure
from causalxai_datasets.morpho.skeletons import Skeleton

_UP = 4
# The width of a 1 is almost zero and cannot be stretched arbitrarily.
_STRETCH = (0.2, 4.0)
# The largest corrections of the second attempt, in page units, degrees, page units and grey levels.
_AMENDS = np.array([1.0, 10.0, 4.0, 20.0])


def render(
    skeletons: list[Skeleton], values: NDArray[np.float64], size: int
) -> tuple[Pixels, NDArray[np.float64]]:
    """Draw one image of each skeleton, and measure its concepts.

    Parameters
    ----------
    skeletons
        What to draw.
    values
        ``[n, 4]``: thickness (page units), slant (degrees), width (page units) and intensity (0 to
        255); nan keeps the digit's own thickness, slant and width, and an intensity of 255. Values
        outside ``RANGES`` are clipped.
    size
        Height and width of the pictures in pixels.

    Returns
    -------
    images
        ``[n, size, size]`` in [0, 1].
    measured
        ``[n, 4]``, in the units of ``values``.
    """
    lows, highs = np.transpose([RANGES[name] for name in CONCEPTS])
    wanted = np.clip(values, lows, highs)
    _, measured = _attempt(skeletons, wanted, size)
    # Filled loops, crossing strokes and the round nib change the measured values; a second attempt
    # corrects for this.
    amends = np.clip(wanted - measured, -_AMENDS, _AMENDS)
    return _attempt(skeletons, np.clip(wanted + amends, lows, highs), size)


def _attempt(
    skeletons: list[Skeleton], wanted: NDArray[np.float64], size: int
) -> tuple[Pixels, NDArray[np.float64]]:
    white = np.stack([
        _draw(skeleton, size, thickness, slant, width)
        for skeleton, (thickness, slant, width, _) in zip(skeletons, wanted, strict=True)
    ])  # fmt: skip
    measured = measure(white)
    bright = np.nan_to_num(wanted[:, 3], nan=255.0)
    lit = white * (bright / measured[:, 3])[:, None, None]
    measured[:, 3] = bright
    # The ridge of a thin stroke is darker than its brightest pixels, which are limited to white.
    cut = lit.max(axis=(1, 2)) > 1
    images = np.minimum(lit, 1).astype(np.float32)
    measured[cut] = measure(images[cut])
    measured[:, [0, 2]] *= PAGE / size
    return images, measured


def _draw(skeleton: Skeleton, size: int, thickness: float, slant: float, width: float) -> Pixels:
    """Draw a white stroke; nan stands for the digit's own value."""
    thickness = skeleton.own[0] if np.isnan(thickness) else thickness
    angle = np.radians(skeleton.own[1] if np.isnan(slant) else slant)
    x, y = skeleton.points.T.astype(np.float64)
    centre, middle = x.mean(), y.mean()
    x = x - centre
    if not np.isnan(width):
        # A round nib extends further sideways after the shear is undone.
        between = width - thickness / np.cos(angle)
        x = x * np.clip(between / max(np.ptp(x), 1e-6), *_STRETCH)
    # The nib stays round in a slanted digit, which makes the measured slant smaller.
    lean = np.tan(angle) * (1 + thickness**2 / 16 / max(float(np.var(y)), 1.0))
    x = x - lean * (y - middle) + centre
    scale = _UP * size / PAGE
    return _stroke(x * scale, y * scale, thickness / 2 * scale, _UP * size)


def _stroke(x: NDArray[np.float64], y: NDArray[np.float64], radius: float, side: int) -> Pixels:
    """Draw all pixels within the radius of a point, and downsample."""
    x, y = (np.clip(place + (side - 1) / 2, 0, side - 1) for place in (x, y))
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    reach = int(radius) + 2
    top, bottom = _UP * (max(row.min() - reach, 0) // _UP), min(row.max() + reach + 1, side)
    left, right = _UP * (max(column.min() - reach, 0) // _UP), min(column.max() + reach + 1, side)
    free = np.ones((bottom - top, right - left), bool)
    free[row - top, column - left] = False
    # The distance transform gives each pixel its nearest skeleton pixel, whose exact position
    # within that pixel is then used.
    fine = np.zeros((2, *free.shape))
    fine[:, row - top, column - left] = y - top, x - left
    nearest = ndimage.distance_transform_edt(free, return_distances=False, return_indices=True)
    there = fine[:, nearest[0], nearest[1]]
    away = np.hypot(*(there - np.indices(free.shape)))
    page = np.zeros((side, side))
    page[top:bottom, left:right] = np.clip(radius - away + 0.5, 0, 1)
    blocks = page.reshape(side // _UP, _UP, side // _UP, _UP)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)
