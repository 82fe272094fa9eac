"""Heat maps over images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from causalxai.report.pictures import as_shown
from causalxai.report.plots import image_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_heat(axes: Axes, image: Tensor, heat: Tensor, limit: float, title: str = "") -> None:
    """Draw a coarse map of values from 0 to ``limit`` over the grey shadow of its image.

    Parameters
    ----------
    axes
        The axes to draw on.
    image
        ``[c, h, w]`` in [0, 1].
    heat
        ``[h', w']``, not negative; resized bilinearly to the image.
    limit
        The value that has the full colour.
    title
        The title above it.
    """
    fine = functional.interpolate(
        heat[None, None].cpu(), size=tuple(image.shape[1:]), mode="bilinear", align_corners=False
    )[0, 0]
    shadow = as_shown(image).numpy().mean(axis=-1)
    drawn = image_axes(axes, title)
    drawn.imshow(shadow, cmap="gray", vmin=-1, vmax=1)
    drawn.imshow(fine.numpy(), cmap="inferno", vmin=0, vmax=limit or 1.0, alpha=0.6)
