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


def even(_: Values) -> Values | float:
    return 1.0


def uneven(rng: np.random.Generator) -> Callable[[Values], Values | float]:
    """A factor of the noise's spread that rises, is least or most in the middle, or is a step."""
    steepness = rng.choice([-1, 1]) * rng.uniform(0.3, 0.8)
    exponents: list[Callable[[Values], Values]] = [
        lambda x: steepness * x,
        lambda x: steepness * (np.abs(x) - 0.8),
        lambda x: 1.5 * steepness * np.tanh(1.5 * x),
    ]
    exponent = exponents[rng.integers(len(exponents))]
    return lambda x: np.exp(np.clip(exponent(x), -3, 3))


@dataclass(frozen=True)
class RandomModel:
    """``x_j = sum of f_ij(standardised x_i) + scale_j * product of s_ij(...) * noise_j``.

    Parameters
    ----------
    order
        Of the columns: causes before effects.
    mechanisms
        By edge (i, j): i → j.
    noises, scales
        By column; roots have scale 1.
    spreads
        By edge: s_ij, which are 1 where the noise is even.
    """

    order: tuple[int, ...]
    mechanisms: dict[tuple[int, int], Callable[[Values], Values]]
    noises: tuple[str, ...]
    scales: tuple[float, ...]
    spreads: dict[tuple[int, int], Callable[[Values], Values | float]]

    @property
    def edges(self) -> Edges:
        return frozenset(self.mechanisms)

    def sample(self, n: int, rng: np.random.Generator) -> Values:
        """Draw ``[n, d]``; a parent is standardised in the sample before its mechanism."""
        values = np.zeros((n, len(self.order)))
        for j in self.order:
            noise = self.scales[j] * NOISES[self.noises[j]](rng, n)
            mean = np.zeros(n)
            for i in (i for i, effect in self.mechanisms if effect == j):
                x = (values[:, i] - values[:, i].mean()) / values[:, i].std()
                mean = mean + self.mechanisms[i, j](x)
                noise = noise * self.spreads[i, j](x)
            values[:, j] = mean + noise
        return values


def random_model(
    d: int, rng: np.random.Generator, chance: float = 0.5, *, is_uneven: bool = False
) -> RandomModel:
    """Draw a model of ``d`` columns in random causal order; an edge is there with some chance.

    Noise of effects has sd .3 to 1, mechanisms are linear, sigmoid or spline, noises of four
    kinds. If the model ``is_uneven``, the spread of noise depends on each cause. Otherwise a linear
    effect with Gaussian noise of a Gaussian cause can occur: no method that sees observations alone
    can direct it.
    """
    order = tuple(int(column) for column in rng.permutation(d))
    pairs = [(order[a], order[b]) for a in range(d) for b in range(a + 1, d)]
    there = [pair for pair in pairs if rng.random() < chance]
    mechanisms = {pair: MECHANISMS[rng.choice(list(MECHANISMS))](rng) for pair in there}
    noises = tuple(str(rng.choice(list(NOISES))) for _ in range(d))
    effects = {j for _, j in there}
    scales = tuple(rng.uniform(0.3, 1) if j in effects else 1.0 for j in range(d))
    spreads = {pair: uneven(rng) if is_uneven else even for pair in there}
    return RandomModel(order, mechanisms, noises, scales, spreads)
