"""Images and maps: drawn on axes, or as thumbnails that are embedded in the page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from causalxai.report.plots import OPPOSE, SUPPORT, effect_colours, image_axes
from causalxai.short_repr import short_repr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Pixels = NDArray[np.float64]

_SUPPORT, _OPPOSE = (
    np.array(list(bytes.fromhex(colour[1:]))) / 255 for colour in (SUPPORT, OPPOSE)
)
_SHADE = 0.35


@dataclass(frozen=True)
class Thumbnail:
    """A small image with the text below it.

    Parameters
    ----------
    picture
        An image file, as a ``data:`` address.
    alt
        A description for readers who cannot see it.
    caption, figure
        A short caption, and a number.
    """

    picture: str
    alt: str
    caption: str = ""
    figure: str = ""

    __repr__ = short_repr


def as_shown(image: Tensor) -> Tensor:
    """Return an image ``[h, w, 1 or 3]`` for drawing; other numbers of channels are averaged.

    Parameters
    ----------
    image
        ``[c, h, w]`` in [0, 1].
    """
    shown = image if image.shape[0] in (1, 3) else image.mean(dim=0, keepdim=True)
    return shown.movedim(0, -1)


def draw_picture(axes: Axes, image: Tensor, title: str = "") -> None:
    """Draw an image ``[c, h, w]`` in [0, 1]; other numbers of channels than 1 or 3 are averaged."""
    image_axes(axes, title).imshow(as_shown(image).numpy(), cmap="gray", vmin=0, vmax=1)


def draw_signed(axes: Axes, values: Tensor, title: str = "", limit: float | None = None) -> None:
    """Draw a map ``[h, w]`` of effects: support green, opposition orange, 0 white.

    Parameters
    ----------
    axes
        The axes to draw on.
    values
        The map, ``[h, w]``.
    title
        The title above it.
    limit
        The absolute value that has the full colour; by default the largest of the map.
    """
    most = limit or float(values.abs().max()) or 1.0
    image_axes(axes, title).imshow(values.numpy(), cmap=effect_colours(), vmin=-most, vmax=most)


def draw_difference(
    axes: Axes, change: Tensor, title: str = "", limit: float | None = None
) -> None:
    """Draw how the brightness of a picture changes: brighter white, darker black, the same grey.

    Parameters
    ----------
    axes
        The axes to draw on.
    change
        The picture after the change less the one before, ``[h, w]``.
    title
        The title above it.
    limit
        The change that is white; by default the largest one.
    """
    most = limit or float(change.abs().max()) or 1.0
    image_axes(axes, title).imshow(change.numpy(), cmap="gray", vmin=-most, vmax=most)


def thumbnail(image: Tensor) -> str:
    """Return an image ``[c, h, w]`` in [0, 1] as a ``data:`` address; 3 channels are colours."""
    return _as_png(as_shown(image).expand(-1, -1, 3).clamp(0, 1).double().numpy())


def map_thumbnail(image: Tensor, heat: Tensor) -> str:
    """Return a map over its pale image, as a ``data:`` address.

    Parameters
    ----------
    image
        ``[c, h, w]`` in [0, 1].
    heat
        ``[h, w]``: support in green, opposition in orange, the strongest in full colour.
    """
    ink = image.mean(dim=0).clamp(0, 1).double().numpy()
    shadow: Pixels = (1 - _SHADE * ink)[..., None]
    value = heat.double().numpy()
    strength = np.abs(value) / (np.abs(value).max() or 1.0)
    colour = np.where((value > 0)[..., None], _SUPPORT, _OPPOSE)
    cover = 0.85 * strength[..., None]
    return _as_png((1 - cover) * shadow + cover * colour)


def _as_png(pixels: Pixels) -> str:
    from PIL import Image

    levels = (pixels * 255).round().astype(np.uint8)
    picture = Image.fromarray(levels)
    if not np.ptp(levels, axis=2).any():
        picture = picture.convert("L")
    buffer = io.BytesIO()
    picture.save(buffer, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
