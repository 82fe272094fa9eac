"""Random pictures on which it is tried whether two computations of a network agree."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def probe_images(shape: tuple[int, int, int]) -> Tensor:
    """Return pictures that differ in brightness, contrast, sparseness and smoothness.

    A black image proves little: scaling, for example, does not change zeros. Nor does a single
    kind of picture, because a part of a network may respond only to dark or only to bright ones.
    The pictures are the same in every call.

    Parameters
    ----------
    shape
        Channels, height and width.

    Returns
    -------
    Tensor
        ``[7, c, h, w]`` in [0, 1], on the CPU.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(2, *shape, generator=generator)
    dark, bright, strokes = torch.rand(3, *shape, generator=generator)
    coarse = torch.rand(2, shape[0], 4, 4, generator=generator)
    smooth = F.interpolate(coarse, size=shape[1:], mode="bilinear", align_corners=False)
    others = torch.stack([0.2 * dark, 1 - 0.2 * bright, (strokes < 0.15).to(strokes.dtype)])
    return torch.cat([noise, others, smooth])
