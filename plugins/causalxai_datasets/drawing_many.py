"""Drawing of many pictures, on all cores and with a cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.progress import SILENT, Progress
from causalxai_datasets.caching import Arrays, cached, key_of
from causalxai_datasets.on_all_cores import results_of

Numbers: TypeAlias = NDArray[np.generic]
"""What is drawn: a row of numbers for each picture."""

_CHUNK = 128
# With fewer images, starting other processes would take longer than drawing.
_MANY = 1500
_WORTH_KEEPING = 256


def draw_many(
    kind: str,
    version: int,
    draw: Callable[..., NDArray[np.uint8]],
    numbers: Sequence[Numbers],
    size: int,
    progress: Progress = SILENT,
) -> Tensor:
    """Draw pictures; large numbers of them are cached.

    Parameters
    ----------
    kind
        What is drawn, in the plural; progress is reported as ``draw kind``.
    version
        To be increased when the pictures change, so that cached pictures are not used.
    draw
        Draws one picture, ``[3, size, size]``, of a row of each of ``numbers`` and of the size. It
        is a function at the top of a module, because other processes call it.
    numbers
        Arrays with ``n`` rows each, on which the pictures depend.
    size
        Height and width in pixels.
    progress
        Shows the progress.

    Returns
    -------
    Tensor
        ``[n, 3, size, size]``, in [0, 1].
    """

    def make() -> Arrays:
        return {"images": _on_all_cores(f"draw {kind}", draw, numbers, size, progress)}

    key = key_of(kind, version, PIL.__version__, size, *numbers)
    kept = cached(key, make) if len(numbers[0]) >= _WORTH_KEEPING else make()
    return torch.from_numpy(kept["images"]).float() / 255


def _on_all_cores(
    label: str,
    draw: Callable[..., NDArray[np.uint8]],
    numbers: Sequence[Numbers],
    size: int,
    progress: Progress,
) -> NDArray[np.uint8]:
    n = len(numbers[0])
    images = np.empty((n, 3, size, size), np.uint8)
    starts = range(0, n, _CHUNK)
    parts = ((draw, [rows[start : start + _CHUNK] for rows in numbers], size) for start in starts)
    run = results_of(_chunk, parts, many=n >= _MANY)
    with progress.task(label, total=n) as advance:
        for start, drawn in zip(starts, run, strict=True):
            images[start : start + len(drawn)] = drawn
            advance(len(drawn))
    return images


def _chunk(
    draw: Callable[..., NDArray[np.uint8]], numbers: Sequence[Numbers], size: int
) -> NDArray[np.uint8]:
    return np.stack([draw(*rows, size) for rows in zip(*numbers, strict=True)])
