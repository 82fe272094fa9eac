"""Splitting labelled images into a training and a test part."""

from __future__ import annotations

import torch
from torch import Tensor


def stratified_split(
    labels: Tensor, test_fraction: float, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw test rows class by class, so that both parts have the same class frequencies.

    Parameters
    ----------
    labels
        ``[n]``, int64 class indices.
    test_fraction
        The share of each class that is drawn, in (0, 1). At least one image of a class is drawn
        and at least one is kept, where the class has two.
    rng
        The source of random draws.

    Returns
    -------
    tuple of Tensor
        The rows for training and those for the test, each in ascending order.
    """
    drawn = torch.zeros(len(labels), dtype=torch.bool)
    for label in torch.unique(labels):
        rows = (labels == label).nonzero().flatten()
        count = min(max(round(len(rows) * test_fraction), 1), len(rows) - 1)
        drawn[rows[torch.randperm(len(rows), generator=rng)[:count]]] = True
    return (~drawn).nonzero().flatten(), drawn.nonzero().flatten()
