"""Skeletons and rendering of many digits, on all cores and with a cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np
import scipy
import skimage
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.progress import Progress
from causalxai.storage.record import Json
from causalxai_datasets.caching import Arrays, cached, key_of
from causalxai_datasets.morpho.concepts import PAGE
from causalxai_datasets.morpho.measuring import Pixels
from causalxai_datasets.morpho.rendering import render
from causalxai_datasets.morpho.skeletons import Skeleton, lay_on_page, own_concepts
from causalxai_datasets.on_all_cores import results_of

Result = TypeVar("Result")

# To be increased when the images change, so that cached images are not used.
_VERSION = 1
_CHUNK = 128
# The least numbers of images for which other processes are started, and that are cached.
_MANY = 2000
_WORTH_KEEPING = 256


def skeletons_of(images: Tensor, content: float, progress: Progress) -> list[Skeleton]:
    """Return the skeletons of digits.

    Parameters
    ----------
    images
        ``[n, 1, h, h]`` in [0, 1], bright on dark.
    content
        The share of the page's side that an image fills.
    progress
        Shows the progress.
    """

    def make() -> Arrays:
        chunks = [(part, content) for part in images.split(_CHUNK)]
        found = _on_all_cores(_skeletons, chunks, len(images), "find strokes", progress)
        skeletons = [skeleton for part in found for skeleton in part]
        return {
            "points": np.concatenate([skeleton.points for skeleton in skeletons]),
            "lengths": np.array([len(skeleton.points) for skeleton in skeletons]),
            "own": np.stack([skeleton.own for skeleton in skeletons]),
        }

    key = key_of("skeletons", _versions(), content, images.numpy())
    kept = _perhaps_cached(key, make, len(images))
    points = np.split(kept["points"].astype(np.float32), np.cumsum(kept["lengths"])[:-1])
    return [Skeleton(place, row) for place, row in zip(points, kept["own"], strict=True)]


def pictures_of(
    skeletons: Sequence[Skeleton], values: NDArray[np.float64], size: int, progress: Progress
) -> tuple[Tensor, NDArray[np.float64]]:
    """Return one picture of each skeleton, ``[n, 1, size, size]``, and what it measures.

    Parameters
    ----------
    skeletons, values, size
        As for ``render``.
    progress
        Shows the progress.
    """

    def make() -> Arrays:
        chunks = [
            (list(skeletons[start : start + _CHUNK]), values[start : start + _CHUNK], size)
            for start in range(0, len(values), _CHUNK)
        ]
        drawn = _on_all_cores(render, chunks, len(values), "draw digits", progress)
        images, measured = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
        return {"images": images, "measured": measured}

    points = np.concatenate([skeleton.points for skeleton in skeletons])
    own = np.stack([skeleton.own for skeleton in skeletons])
    key = key_of("pictures", _versions(), size, values, points, own)
    kept = _perhaps_cached(key, make, len(values))
    images = torch.from_numpy(kept["images"]).float().unsqueeze(1)
    return images, kept["measured"].astype(np.float64)


def _skeletons(images: Tensor, content: float) -> list[Skeleton]:
    pages: Pixels = lay_on_page(images, content)
    grain = content * PAGE / images.shape[-1]
    own = own_concepts(pages)
    return [Skeleton.of(page, row, grain) for page, row in zip(pages, own, strict=True)]


def _versions() -> list[Json]:
    """Return the versions on which the images depend."""
    libraries = (np, scipy, skimage, torch)
    return [_VERSION, *(str(library.__version__) for library in libraries)]


def _perhaps_cached(key: str, make: Callable[[], Arrays], n: int) -> Arrays:
    return cached(key, make) if n >= _WORTH_KEEPING else make()


def _on_all_cores(
    work: Callable[..., Result],
    chunks: Iterable[tuple[object, ...]],
    n: int,
    label: str,
    progress: Progress,
) -> list[Result]:
    """Return the results for all chunks in order; ``n`` is the number of digits in all chunks."""
    results = []
    with progress.task(label, total=n) as advance:
        left = n
        for result in results_of(work, chunks, many=n >= _MANY):
            results.append(result)
            done = min(_CHUNK, left)
            left -= done
            advance(done)
    return results
