"""Pictures of birds: a landscape with a bird in front of it, and where its parts are seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causalxai_datasets.drawing_page import DrawingPage
from causalxai_datasets.parts.bird import PARTS, REMOVED, VARIANTS, draw_bird
from causalxai_datasets.parts.landscape import Look, draw_landscape

# The least change of a colour, out of 255, by which a part is seen.
_SEEN = 24


def draw_picture(
    variants: NDArray[np.int64], numbers: NDArray[np.float64], size: int
) -> NDArray[np.uint8]:
    """Return a picture, ``[3, size, size]``, RGB.

    Parameters
    ----------
    variants
        ``[5]``, the variant of each part, in the order of ``PARTS``; ``REMOVED`` for none.
    numbers
        ``[NUMBERS]``, which describe the look.
    size
        Height and width in pixels.
    """
    look = Look.of(numbers)
    page = DrawingPage(size, look.sky)
    draw_landscape(page, look)
    draw_bird(page.posed(look.pose), look.body, variants.tolist())
    drawn = page.finish()
    return drawn[:, :, ::-1] if look.mirrored else drawn


def part_masks(
    variants: NDArray[np.int64], numbers: NDArray[np.float64], size: int
) -> NDArray[np.bool_]:
    """Return where each part is seen, ``[5, size, size]``: what changes when it is removed."""
    whole = draw_picture(variants, numbers, size).astype(int)
    masks = np.zeros((len(PARTS), size, size), bool)
    for place in range(len(PARTS)):
        without = variants.copy()
        without[place] = REMOVED
        changed = np.abs(draw_picture(without, numbers, size) - whole).max(axis=0)
        masks[place] = changed > _SEEN
    return masks


def places_in(
    part: int, variant: int, numbers: NDArray[np.float64], size: int
) -> NDArray[np.int64]:
    """Return pixels in which nothing but a variant of a part is seen, ``[p, 2]``: row, column."""
    look = Look.of(numbers)
    inside = np.array(VARIANTS[PARTS[part]][variant].inside)
    x, y = np.floor((look.pose.on_page(inside) + 1) / 2 * size).astype(np.int64).T
    return np.stack([y, size - 1 - x if look.mirrored else x], axis=1)
