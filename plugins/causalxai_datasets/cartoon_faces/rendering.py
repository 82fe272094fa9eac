"""Rendering of faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from causalxai.progress import SILENT, Progress
from causalxai_datasets.cartoon_faces.appearance import Appearance
from causalxai_datasets.cartoon_faces.attributes import Traits
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
from causalxai_datasets.drawing_many import draw_many
from causalxai_datasets.drawing_page import DrawingPage, mixed

# To be increased when the images change, so that cached images are not used.
_VERSION = 2


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
    page = DrawingPage(size, appearance.background, appearance.pose)
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
    return draw_many("faces", _VERSION, _draw, [attributes, looks], size, progress)


def _draw(
    attributes: NDArray[np.bool_], looks: NDArray[np.float64], size: int
) -> NDArray[np.uint8]:
    return draw_face(Traits(*attributes.tolist()), Appearance.of(looks), size)
