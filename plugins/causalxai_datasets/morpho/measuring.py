"""Measuring thickness, slant, width and intensity of a bright stroke on a dark page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize
from torch.nn import functional

from causalxai_datasets.morpho.concepts import CONCEPTS

Pixels = NDArray[np.float32]

_UP = 4
# The distance transform counts a whole pixel where a pixel's centre is half a pixel from the edge;
# averaged over odd and even widths, the error is a quarter of a pixel on either side.
_HALF_STEP = 0.25
# Slightly above one half, so that pixels of exactly half the brightness do not depend on rounding.
_EDGE = 0.5001


def measure(images: Pixels) -> NDArray[np.float64]:
    """Measure all four concepts.

    Parameters
    ----------
    images
        ``[n, h, w]`` in [0, 1], bright on dark.

    Returns
    -------
    ndarray
        ``[n, 4]`` in the order of ``CONCEPTS``: thickness (pixels), slant (degrees), width (pixels)
        and intensity (0 to 255), as measured by the functions of those names. An image without a
        stroke has an intensity of 0 and nan for the others.
    """
    rows = np.empty((len(images), len(CONCEPTS)))
    for row, image, large in zip(rows, images, _enlarge(images), strict=True):
        stroke = _Stroke(image, _cropped(large))
        row[:] = stroke.thickness, stroke.slant, stroke.width, stroke.intensity
    return rows


def measure_thickness(image: Pixels) -> float:
    """Return the mean thickness of the stroke, in pixels.

    It is twice the distance from the stroke's skeleton to its edge, averaged along the skeleton.
    The edge is where the image, enlarged four times, falls to half of its maximum. Strokes thinner
    than about 1.5 pixels are measured as too thick because of the pixels' blur; strokes with sharp
    corners as too thin, because the skeleton extends into them.

    Parameters
    ----------
    image
        ``[h, w]`` in [0, 1], bright on dark.
    """
    return _stroke(image).thickness


def measure_slant(image: Pixels) -> float:
    """Return the slant in degrees, within (-90, 90): 0 is upright, positive leans to the right.

    It is the angle of the shear after which the brightness-weighted covariance of columns and rows
    is zero.

    Parameters
    ----------
    image
        ``[h, w]`` in [0, 1], bright on dark.
    """
    return _stroke(image).slant


def measure_width(image: Pixels) -> float:
    """Return the width in pixels: the horizontal side of the bounding parallelogram.

    It is the horizontal extent, including the stroke's thickness, after the measured slant is
    removed by a shear.

    Parameters
    ----------
    image
        ``[h, w]`` in [0, 1], bright on dark.
    """
    return _stroke(image).width


def measure_intensity(image: Pixels) -> float:
    """Return the brightness of the stroke, 0 to 255: its median along the skeleton.

    Parameters
    ----------
    image
        ``[h, w]`` in [0, 1], bright on dark.
    """
    return _stroke(image).intensity


def _stroke(image: Pixels) -> _Stroke:
    return _Stroke(image, _cropped(_enlarge(image[None])[0]))


def _enlarge(images: Pixels) -> Pixels:
    """Return the images four times as large, within a black frame of a pixel."""
    framed = functional.pad(torch.from_numpy(np.asarray(images, np.float32))[:, None], (1, 1, 1, 1))
    large = functional.interpolate(framed, scale_factor=_UP, mode="bilinear", align_corners=False)
    return np.asarray(large[:, 0].numpy())


def _cropped(large: Pixels) -> Pixels:
    """Return the part with the stroke and a margin of one pixel, for faster distance transforms."""
    y, x = (large > _EDGE * large.max()).nonzero()
    return large[y.min() - 1 : y.max() + 2, x.min() - 1 : x.max() + 2] if len(y) else large


@dataclass(frozen=True)
class _Stroke:
    """An image and the mask of its stroke, both enlarged and framed."""

    image: Pixels
    large: Pixels

    @cached_property
    def _mask(self) -> NDArray[np.bool_]:
        return np.asarray(self.large > _EDGE * self.large.max())

    @cached_property
    def _skeleton(self) -> NDArray[np.bool_]:
        return np.asarray(skeletonize(self._mask))

    @cached_property
    def _is_blank(self) -> bool:
        return not self._skeleton.any()

    @property
    def thickness(self) -> float:
        if self._is_blank:
            return np.nan
        distance = ndimage.distance_transform_edt(self._mask)[self._skeleton]
        return 2 * float(distance.mean() - _HALF_STEP) / _UP

    @cached_property
    def _shear(self) -> tuple[float, float]:
        """Return the shear in columns to the right per row upwards, and the row of the centre."""
        rows, columns = np.arange(self.image.shape[0]), np.arange(self.image.shape[1])
        light = self.image.astype(np.float64) / self.image.sum(dtype=np.float64)
        by_row, by_column = light.sum(axis=1), light.sum(axis=0)
        down, right = rows - rows @ by_row, columns - columns @ by_column
        return -float(down @ light @ right) / max(float(down**2 @ by_row), 1e-12), rows @ by_row

    @property
    def slant(self) -> float:
        return np.nan if self._is_blank else float(np.degrees(np.arctan(self._shear[0])))

    @property
    def width(self) -> float:
        if self._is_blank:
            return np.nan
        rows, columns = self._mask.nonzero()
        upright = columns + self._shear[0] * rows
        return float(np.ptp(upright) + 1) / _UP

    @property
    def intensity(self) -> float:
        return 0.0 if self._is_blank else 255 * float(np.median(self.large[self._skeleton]))
