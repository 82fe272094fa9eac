"""Skeletons of handwritten digits, from which they are redrawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from causalxai_datasets.morpho.concepts import CONCEPTS, PAGE
from causalxai_datasets.morpho.measuring import Pixels, measure
from causalxai_datasets.morpho.thinning import thin

_UP = 4
_GRID = PAGE * _UP
# The stroke is where it is brighter than this and brighter than its surroundings. A threshold at
# half of the maximum leaves fewer than two loops in 51 % of scikit-learn's 8s, this one in 34 %;
# nearer surroundings save few of them, and open loops in other digits.
_FLOOR = 0.3
_SURROUNDINGS = 2.5 * _UP
# The smoothing of corners that remain after enlarging, as a share of an original pixel's side.
_ROUND = 0.27
_SPECK = 0.1
_WHISKER = 2.5 * _UP
# Half the side of the box over which the steps of a skeleton's pixels are smoothed.
_SMOOTH = 2


@dataclass(frozen=True)
class Skeleton:
    """The skeleton of a digit's stroke, and the digit's own concepts.

    Parameters
    ----------
    points
        ``[p, 2]``, columns to the right and rows down from the middle of the page, in page units;
        sheared upright.
    own
        The digit's own thickness, slant, width and intensity.
    """

    points: NDArray[np.float32]
    own: NDArray[np.float64]

    @classmethod
    def of(cls, page: Pixels, own: NDArray[np.float64], grain: float) -> Self:
        """Find the skeleton of a digit.

        Parameters
        ----------
        page
            ``[128, 128]``, four pixels to a page unit, as ``lay_on_page`` returns it.
        own
            The digit's concepts from ``own_concepts``.
        grain
            The side of an original pixel in page units.
        """
        surroundings = _blurred(page, _SURROUNDINGS)
        smooth = _blurred(page, _ROUND * grain * _UP)
        inside = (smooth > _FLOOR * smooth.max()) & (smooth > surroundings)
        points = _points(thin(_without_specks(inside), round(_WHISKER)))
        points = (points + 0.5) / _UP - PAGE / 2
        centred = points - points.mean(axis=0)
        down = max(float(np.square(centred[:, 1]).sum()), 1e-6)
        shear = -float(centred[:, 0] @ centred[:, 1]) / down
        points[:, 0] += shear * centred[:, 1]
        return cls(points.astype(np.float32), own)


def lay_on_page(images: Tensor, content: float) -> Pixels:
    """Enlarge digits to pages of four pixels to a page unit.

    Parameters
    ----------
    images
        ``[n, 1, h, w]`` in [0, 1].
    content
        The share of the page's side that an image fills; the margin is black.
    """
    side = round(content * _GRID)
    large = functional.interpolate(images, size=side, mode="bicubic", align_corners=False)
    before = (_GRID - side) // 2
    after = _GRID - side - before
    pages = functional.pad(large, (before, after, before, after)).clamp(0, 1)
    return np.asarray(pages[:, 0].numpy())


def own_concepts(pages: Pixels) -> NDArray[np.float64]:
    """Measure the digits themselves, ``[n, 4]`` in page units, degrees and grey levels."""
    small = functional.interpolate(
        torch.from_numpy(pages)[:, None], size=PAGE, mode="area"
    ).squeeze(1)
    own = measure(small.numpy())
    assert own.shape[1] == len(CONCEPTS)
    return own


def _blurred(page: Pixels, sigma: float) -> Pixels:
    """Return a Gaussian blur, as two matrix products for speed: a tenth of scipy's time."""
    blur = _gaussian(len(page), sigma)
    return np.asarray(blur @ page @ blur.T, np.float32)


@cache
def _gaussian(side: int, sigma: float) -> Pixels:
    away = np.arange(side)[:, None] - np.arange(side)
    weights = np.exp(-0.5 * (away / sigma) ** 2)
    total = np.exp(-0.5 * (np.arange(-side, side + 1) / sigma) ** 2).sum()
    return np.asarray(weights / total, np.float32)


def _without_specks(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts, count = ndimage.label(inside, np.ones((3, 3)))
    if count < 2:
        return inside
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= _SPECK * sizes.sum())[parts])


def _points(skeleton: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the smoothed pixels and the midpoints of neighbours, ``[p, 2]`` as (x, y)."""
    side = 2 * _SMOOTH + 1
    ones = skeleton.astype(np.float64)
    count = ndimage.uniform_filter(ones, side, mode="constant")
    rows, columns = np.indices(skeleton.shape)
    smooth = np.stack(
        [
            ndimage.uniform_filter(ones * place, side, mode="constant")[skeleton] / count[skeleton]
            for place in (columns, rows)
        ],
        axis=1,
    )
    index = np.full(np.add(skeleton.shape, 2), -1)
    index[1:-1, 1:-1][skeleton] = np.arange(len(smooth))
    middles = []
    y, x = skeleton.nonzero()
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        neighbour = index[y + 1 + down, x + 1 + right]
        there = neighbour >= 0
        middles.append((smooth[there] + smooth[neighbour[there]]) / 2)
    return np.concatenate([smooth, *middles])
