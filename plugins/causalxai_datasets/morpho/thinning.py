"""Skeletons without the spurious branches of thinning at ends and corners of thick strokes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

Mask = NDArray[np.bool_]
_Pixel = tuple[int, int]

_AROUND = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]


def thin(inside: Mask, whisker: int) -> Mask:
    """Return the skeleton of a stroke.

    Parameters
    ----------
    inside
        ``[h, w]``, the mask of the stroke.
    whisker
        The largest length, in pixels from the end to a junction, of branches that are removed.
    """
    skeleton = np.pad(skeletonize(inside), 1)
    for _ in range(2):  # Where two such branches fork, a single one remains after the first pass.
        whiskers = _whiskers(skeleton, whisker)
        if not whiskers:
            break
        for path in whiskers:
            skeleton[tuple(np.transpose(path))] = False
        skeleton = skeletonize(skeleton)
    return np.asarray(skeleton[1:-1, 1:-1])


def _whiskers(skeleton: Mask, longest: int) -> list[list[_Pixel]]:
    neighbours = ndimage.convolve(skeleton.astype(np.int8), np.ones((3, 3), np.int8)) - 1
    ends = np.argwhere(skeleton & (neighbours == 1))
    paths = (_path_to_junction(skeleton, (int(y), int(x)), longest) for y, x in ends)
    return [path for path in paths if path]


def _path_to_junction(skeleton: Mask, end: _Pixel, longest: int) -> list[_Pixel]:
    """Return the pixels before the junction, or none if it is further away than ``longest``."""
    path = [end]
    while len(path) <= longest:
        y, x = path[-1]
        ahead = [
            (y + down, x + right)
            for down, right in _AROUND
            if skeleton[y + down, x + right] and (y + down, x + right) not in path
        ]
        if len(ahead) > 1:
            # The pixel beside a junction belongs to it, unless it is the end itself.
            return path[:-1] or path
        if not ahead:
            return []
        path += ahead
    return []
