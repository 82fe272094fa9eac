"""Random structural models: a random graph, and for each node a mechanism and a noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Edges = frozenset[tuple[int, int]]

NOISES: dict[str, Callable[[np.random.Generator, int], Values]] = {
    "gaussian": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.uniform(-(3**0.5), 3**0.5, n),
    "laplace": lambda rng, n: rng.laplace(scale=0.5**0.5, size=n),
    "gamma": lambda rng, n: (rng.gamma(2.0, size=n) - 2) / 2**0.5,
}
"""All of mean 0 and variance 1."""


def linear(rng: np.random.Generator) -> Callable[[Values], Values]:
    slope = rng.choice([-1, 1]) * rng.uniform(0.5, 1.5)
    return lambda x: slope * x


def sigmoid(rng: np.random.Generator) -> Callable[[Values], Values]:
    height = rng.choice([-1, 1]) * rng.uniform(1.5, 4)
    steepness, middle = rng.uniform(1, 3), rng.uniform(-0.7, 0.7)
    return lambda x: height * (0.5 + 0.5 * np.tanh(0.5 * steepness * (x - middle)))


def spline(rng: np.random.Generator) -> Callable[[Values], Values]:
    """A broken line with its corners rounded off, through random heights at -2, -1, 0, 1, 2."""
    corners = np.array([-1.5, -0.5, 0.5, 1.5])
    slopes = rng.normal(scale=1.2, size=5)
    slopes[rng.integers(5)] += rng.choice([-1, 1])

    def curve(x: Values) -> Values:
        bends = np.logaddexp(0, 4 * (x[:, None] - corners)) / 4
        bent: Values = slopes[0] * x + bends @ np.diff(slopes)
        return bent

    return curve


MECHANISMS = {"linear": linear, "sigmoid": sigmoid, "spline": spline}


@dataclass(frozen=True)
class RandomModel:
    """``x_j = sum of f_ij(standardised x_i) over parents + scale * noise_j``.

    Parameters
    ----------
    order
        Of the columns: causes before effects.
    mechanisms
        By edge (i, j): i → j.
    noises, scales
        By column; roots have scale 1.
    """

    order: tuple[int, ...]
    mechanisms: dict[tuple[int, int], Callable[[Values], Values]]
    noises: tuple[str, ...]
    scales: tuple[float, ...]

    @property
    def edges(self) -> Edges:
        return frozenset(self.mechanisms)

    def sample(self, n: int, rng: np.random.Generator) -> Values:
        """Draw ``[n, d]``; a parent is standardised in the sample before its mechanism."""
        values = np.zeros((n, len(self.order)))
        for j in self.order:
            column = self.scales[j] * NOISES[self.noises[j]](rng, n)
            for i in (i for i, effect in self.mechanisms if effect == j):
                x = values[:, i]
                column = column + self.mechanisms[i, j]((x - x.mean()) / x.std())
            values[:, j] = column
        return values


def random_model(d: int, rng: np.random.Generator, chance: float = 0.5) -> RandomModel:
    """Draw a model of ``d`` columns in random causal order; an edge is there with some chance.

    Noise of effects has sd .3 to 1, mechanisms are linear, sigmoid or spline, noises of four
    kinds. A linear effect with Gaussian noise of a Gaussian cause can occur: no method that sees
    observations alone can direct it.
    """
    order = tuple(int(column) for column in rng.permutation(d))
    pairs = [(order[a], order[b]) for a in range(d) for b in range(a + 1, d)]
    there = [pair for pair in pairs if rng.random() < chance]
    mechanisms = {pair: MECHANISMS[rng.choice(list(MECHANISMS))](rng) for pair in there}
    noises = tuple(str(rng.choice(list(NOISES))) for _ in range(d))
    effects = {j for _, j in there}
    scales = tuple(rng.uniform(0.3, 1) if j in effects else 1.0 for j in range(d))
    return RandomModel(order, mechanisms, noises, scales)
