"""The values to which do() sets a twin's named latents."""

from __future__ import annotations

import torch
from torch import Tensor


def values_of_do(drawn: Tensor, levels: Tensor) -> Tensor:
    """Return the values of do(): the drawn ones, or absence or presence by their sign.

    Parameters
    ----------
    drawn
        ``[n, k]`` from N(0, 1).
    levels
        ``[k, 2]``, the latents of a concept's absence and presence; NaN for concepts that are not
        boolean.

    Returns
    -------
    Tensor
        ``[n, k]``.
    """
    absent, present = levels.T
    return torch.where(torch.isfinite(present), torch.where(drawn > 0, present, absent), drawn)
