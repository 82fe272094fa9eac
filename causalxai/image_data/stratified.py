"""Splitting labelled images into a training and a held-out part."""

from __future__ import annotations

import torch
from torch import Tensor


def stratified_split(
    labels: Tensor, test_fraction: float, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw held-out rows class by class, so that both parts have the same class frequencies.

    Parameters
    ----------
    labels
        ``[n]``, int64 class indices.
    test_fraction
        The share of each class that is held out, in (0, 1). At least one image of a class is held
        out and at least one is kept, where the class has two.
    rng
        The source of random draws.

    Returns
    -------
    tuple of Tensor
        The rows for training and those held out, each in ascending order.
    """
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    for label in torch.unique(labels):
        rows = (labels == label).nonzero().flatten()
        count = min(max(round(len(rows) * test_fraction), 1), len(rows) - 1)
        held_out[rows[torch.randperm(len(rows), generator=rng)[:count]]] = True
    return (~held_out).nonzero().flatten(), held_out.nonzero().flatten()
