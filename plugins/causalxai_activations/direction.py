"""Concept activation vectors: directions in which activations change with a concept."""

from __future__ import annotations

import torch
from torch import Tensor

_SMALLEST = 1e-12


def dual_weights(activations: Tensor, targets: Tensor, *, ridge: float) -> Tensor:
    """Return the weights of examples whose sum is a ridge regression's direction.

    Many targets are solved at once, because only the examples' products with one another matter.

    Parameters
    ----------
    activations
        ``[n, d]``.
    targets
        ``[n, t]``, what is to be predicted, for example 1 with the concept and 0 without it.
    ridge
        The penalty as a share of the mean squared length of the centred activations.

    Returns
    -------
    Tensor
        ``[n, t]``, float64; the direction is ``activations.T @ weights``, up to its length.
    """
    centred = (activations - activations.mean(dim=0)).double()
    targets = targets.double()
    wanted = targets - targets.mean(dim=0)
    products = centred @ centred.T
    penalty = ridge * products.diagonal().mean()
    identity = torch.eye(len(products), dtype=products.dtype, device=products.device)
    solved: Tensor = torch.linalg.solve(products + penalty * identity, wanted)
    # Centred weights make centred activations of any.
    return solved - solved.mean(dim=0)


def unit_directions(activations: Tensor, weights: Tensor) -> Tensor:
    """Return the directions ``[t, d]`` of some weights ``[n, t]``, each of length 1."""
    directions: Tensor = weights.T @ activations.double()
    lengths = directions.norm(dim=1, keepdim=True)
    unit: Tensor = directions / lengths.clamp(min=_SMALLEST)
    return unit


def permuted_targets(target: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Return ``[n, count]``: random orders of the targets ``[n]``, which tell nothing."""
    orders = torch.stack([torch.randperm(len(target), generator=rng) for _ in range(count)], dim=1)
    return target[orders]
