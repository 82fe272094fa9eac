"""What do() sets a twin's named latents to."""

from __future__ import annotations

import torch
from torch import Tensor


def values_of_do(drawn: Tensor, levels: Tensor) -> Tensor:
    """Return what do() sets concepts to: what was drawn, or absence or presence by its sign.

    Parameters
    ----------
    drawn
        ``[n, k]`` from N(0, 1).
    levels
        ``[k, 2]``, the latents that absence and presence of a concept stand for; not a number for
        concepts that are not there or not.

    Returns
    -------
    Tensor
        ``[n, k]``.
    """
    absent, present = levels.T
    return torch.where(torch.isfinite(present), torch.where(drawn > 0, present, absent), drawn)
