"""Small pictures that a page carries in itself: images, and maps laid over them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray
from torch import Tensor

from causalxai.report.images import as_shown

Pixels = NDArray[np.float64]

_RED, _BLUE = np.array([0.698, 0.094, 0.168]), np.array([0.129, 0.400, 0.675])
_SHADE = 0.35


@dataclass(frozen=True)
class Tile:
    """A picture and what stands below it.

    Parameters
    ----------
    picture
        A PNG, as a ``data:`` address.
    alt
        What somebody who can't see it should know.
    caption, figure
        A few words, and a number.
    """

    picture: str
    alt: str
    caption: str = ""
    figure: str = ""


def picture(image: Tensor) -> str:
    """Return an image ``[c, h, w]`` in [0, 1]; where it has neither one colour nor three, grey."""
    return _as_png(as_shown(image).expand(-1, -1, 3).clamp(0, 1).double().numpy())


def overlay(image: Tensor, heat: Tensor) -> str:
    """Return a map over the pale shadow of its image.

    Parameters
    ----------
    image
        ``[c, h, w]`` in [0, 1].
    heat
        ``[h, w]``: positive values in red, negative ones in blue, the strongest in full colour.
    """
    ink = image.mean(dim=0).clamp(0, 1).double().numpy()
    shadow: Pixels = (1 - _SHADE * ink)[..., None]
    value = heat.double().numpy()
    strength = np.abs(value) / (np.abs(value).max() or 1.0)
    colour = np.where((value > 0)[..., None], _RED, _BLUE)
    cover = 0.85 * strength[..., None]
    return _as_png((1 - cover) * shadow + cover * colour)


def _as_png(pixels: Pixels) -> str:
    buffer = io.BytesIO()
    imsave(buffer, pixels, format="png", metadata={"Software": "causalxai"})
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
