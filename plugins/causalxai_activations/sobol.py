"""Sobol's total indices: the part of a value's variance that a factor takes part in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from causalxai.seeding import numpy_generator

Game = Callable[[Tensor], Tensor]
"""Takes shares ``[q, k]`` in [0, 1], and returns values ``[q, n]``."""


def total_variances(
    game: Game, factors: int, *, designs: int, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return the total variances of factors that are uniform in [0, 1], by Jansen's estimator [1]_.

    Parameters
    ----------
    game
        The game; it is evaluated for ``designs * (k + 2)`` rows of shares.
    factors
        The number of factors, k.
    designs
        The number of points of a scrambled Sobol sequence, a power of two.
    rng
        The generator of the scrambling.

    Returns
    -------
    tuple
        ``[n, k]``, the mean variance that is left when all other factors are fixed, and ``[n]``,
        the variance; float64. Their ratio is the total index.

    References
    ----------
    .. [1] Jansen, "Analysis of variance designs for model output", Computer Physics Communications
       117, 1999; Saltelli et al., ibid. 181, 2010, table 2 (f).
    """
    from scipy.stats import qmc

    drawn = qmc.Sobol(2 * factors, rng=numpy_generator(rng)).random(designs)
    one, other = np.split(drawn, 2, axis=1)
    mixed = np.repeat(one[None], factors, axis=0)
    for factor in range(factors):
        mixed[factor, :, factor] = other[:, factor]
    rows = np.concatenate([one, other, mixed.reshape(-1, factors)])
    values = game(torch.from_numpy(rows).float()).double()
    first, second, rest = values.split([designs, designs, factors * designs])
    changed = rest.unflatten(0, (factors, designs))
    total = (first[None] - changed).square().mean(dim=1).T / 2
    return total, torch.cat([first, second]).var(dim=0, correction=0)
