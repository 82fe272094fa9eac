"""Rendering of many faces, on all cores and with a cache."""

from __future__ import annotations

import numpy as np
import PIL
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from torch import Tensor

from causalxai.progress import SILENT, Progress
from causalxai_datasets.caching import Arrays, cached, key_of
from causalxai_datasets.cartoon_faces.appearance import Appearance
from causalxai_datasets.cartoon_faces.attributes import Traits
from causalxai_datasets.cartoon_faces.face_page import FacePage, mixed
from causalxai_datasets.cartoon_faces.hair import (
    draw_beard,
    draw_hair,
    draw_hair_behind,
    draw_moustache,
    hair_colour,
)
from causalxai_datasets.cartoon_faces.head import (
    DARK,
    draw_age,
    draw_body,
    draw_cheeks,
    draw_eyes,
    draw_head,
    draw_nose,
)
from causalxai_datasets.cartoon_faces.mask import draw_mask
from causalxai_datasets.cartoon_faces.mouth import draw_mouth

# To be increased when the images change, so that cached images are not used.
_VERSION = 2
_CHUNK = 128
# With fewer images, starting other processes would take longer than drawing.
_MANY = 1500
_WORTH_KEEPING = 256


def draw_face(traits: Traits, appearance: Appearance, size: int) -> NDArray[np.uint8]:
    """Return the image of one face.

    Parameters
    ----------
    traits
        The attributes.
    appearance
        All other properties.
    size
        Height and width in pixels.

    Returns
    -------
    ndarray
        ``[3, size, size]``, RGB.
    """
    page = FacePage(size, appearance.background, appearance.pose)
    draw_hair_behind(page, traits, appearance)
    draw_body(page, traits, appearance)
    draw_head(page, traits, appearance)
    draw_cheeks(page, traits, appearance)
    if not traits.young:
        draw_age(page, appearance)
    draw_nose(page, appearance)
    if traits.beard:
        draw_beard(page, traits, appearance)
    draw_mouth(page, traits, appearance)
    if traits.moustache:
        draw_moustache(page, traits, appearance)
    if appearance.masked:
        draw_mask(page, traits, appearance)
    draw_eyes(page, traits, appearance, mixed(hair_colour(traits, appearance), DARK, 0.3))
    draw_hair(page, traits, appearance)
    return page.finish()


def draw_faces(
    attributes: NDArray[np.bool_],
    looks: NDArray[np.float64],
    size: int,
    progress: Progress = SILENT,
) -> Tensor:
    """Return images of faces; large numbers of images are cached.

    Parameters
    ----------
    attributes
        ``[n, 11]``, in the order of ``ATTRIBUTES``.
    looks
        ``[n, NUMBERS]``, as ``draw_looks`` gives them.
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
        return {"images": _drawn_on_all_cores(attributes, looks, size, progress)}

    key = key_of("faces", _VERSION, PIL.__version__, size, attributes, looks)
    kept = cached(key, make) if len(attributes) >= _WORTH_KEEPING else make()
    return torch.from_numpy(kept["images"]).float() / 255


def _drawn_on_all_cores(
    attributes: NDArray[np.bool_], looks: NDArray[np.float64], size: int, progress: Progress
) -> NDArray[np.uint8]:
    n = len(attributes)
    images = np.empty((n, 3, size, size), np.uint8)
    run = Parallel(n_jobs=-1 if n >= _MANY else 1, return_as="generator")
    starts = range(0, n, _CHUNK)
    parts = (
        delayed(_draw)(attributes[start : start + _CHUNK], looks[start : start + _CHUNK], size)
        for start in starts
    )
    with progress.task("draw faces", total=n) as advance:
        for start, drawn in zip(starts, run(parts), strict=True):
            images[start : start + len(drawn)] = drawn
            advance(len(drawn))
    return images


def _draw(
    attributes: NDArray[np.bool_], looks: NDArray[np.float64], size: int
) -> NDArray[np.uint8]:
    return np.stack(
        [
            draw_face(Traits(*row.tolist()), Appearance.of(numbers), size)
            for row, numbers in zip(attributes, looks, strict=True)
        ]
    )
