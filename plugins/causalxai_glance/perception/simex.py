"""Simulation and extrapolation: scores of concepts as they would be, were they read without error.

The more error the readings carry, the more does an effect look like a cause of its causes. Errors
of the instrument's own kind are added on top of those that are there, and what a score does as
they grow is followed back to where there would be none [1]_.

References
----------
.. [1] Cook, Stefanski, "Simulation-extrapolation estimation in parametric measurement error
   models", Journal of the American Statistical Association 89, 1994.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from causalxai_glance.perception.instrument import Values
from causalxai_glance.scm import MdlScore

_NEIGHBOURS = 20
# No effect is taken to leave less than this share of what its reading leaves.
_LEAST_LEFT = 0.02


@dataclass(frozen=True)
class ReadingErrors:
    """Errors of the instrument, to be drawn where they were made: at images read alike.

    Parameters
    ----------
    readings, residuals
        ``[r, m]``, unmixed readings of reference images, and how far they are off.
    """

    readings: Values
    residuals: Values

    def choices(self, values: Values) -> NDArray[np.int64]:
        """Return ``[n, k]``, for each row of ``values`` the reference images read most alike."""
        scale = self.readings.std(axis=0)
        tree = cKDTree(self.readings / scale)
        k = min(_NEIGHBOURS, len(self.readings))
        near = tree.query(values / scale, k=k)[1]
        return np.asarray(near, dtype=np.int64).reshape(len(values), k)

    def draw(self, choices: NDArray[np.int64], share: float, rng: np.random.Generator) -> Values:
        """Return ``[n, m]``, errors of ``share`` times the instrument's covariance.

        Whole errors are added up, as many as ``share`` has, so that their shape is the
        instrument's; what remains is one error made smaller.
        """
        centred = self.residuals - self.residuals.mean(axis=0)
        parts = [1.0] * int(share) + ([share - int(share)] if share > int(share) else [])
        drawn = np.zeros((len(choices), self.residuals.shape[1]))
        for part in parts:
            column = rng.integers(choices.shape[1], size=len(choices))
            sign = rng.choice([-1.0, 1.0], size=(len(choices), 1))
            drawn += np.sqrt(part) * sign * centred[choices[np.arange(len(choices)), column]]
        return drawn


class SimexScore:
    """The local score that error-free readings would have, in nats; lower is better.

    For residuals that are Gaussian, ``exp(2 score / n)`` is their variance, in which errors add
    up: this is what is extrapolated, as a quadratic function of how much error there is.

    Parameters
    ----------
    values
        ``[n, d]``, readings.
    errors
        What the readings are off by.
    rng
        Draws the errors.
    shares
        How much error to add, as multiples of what there is.
    draws
        How many times each.
    links
        As ``MdlScore`` takes it.
    """

    def __init__(
        self,
        values: Values,
        errors: ReadingErrors,
        *,
        rng: np.random.Generator,
        shares: Sequence[float] = (0.5, 1.0, 2.0),
        draws: int = 4,
        links: bool = True,
    ) -> None:
        choices = errors.choices(values)
        self._n = len(values)
        self._shares = np.array([0.0, *shares])
        noisy = [
            [values + errors.draw(choices, share, rng) for _ in range(draws if share else 1)]
            for share in (0.0, *shares)
        ]
        self._scores = [[MdlScore(each, links=links) for each in row] for row in noisy]
        self._units = [[np.log(each.std(axis=0)) for each in row] for row in noisy]

    def __call__(self, child: int, parents: frozenset[int]) -> float:
        """Return the extrapolated description length of ``child`` given ``parents``."""
        lengths = np.array(
            [
                np.mean([s(child, parents) / self._n + u[child] for s, u in zip(*row, strict=True)])
                for row in zip(self._scores, self._units, strict=True)
            ]
        )
        power = np.exp(2 * (lengths - lengths[0]))
        curve = np.polynomial.Polynomial.fit(self._shares, power, min(2, len(power) - 1))
        left = max(float(curve(-1.0)), _LEAST_LEFT)
        return float(self._n * (lengths[0] + 0.5 * np.log(left)))
