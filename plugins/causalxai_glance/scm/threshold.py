"""One effect that is there or not: a threshold on its causes and its noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit

from causalxai.errors import DataError
from causalxai_glance.scm.basis import Basis

Values = NDArray[np.float64]

_LOG_2 = float(np.log(2.0))
# A draw this near the threshold would be lost in rounding.
_NEAREST = 1e-9


# Not statsmodels' OrderedModel: it fits and predicts, but has no noise of a unit to abduct.
@dataclass(frozen=True)
class ThresholdMechanism:
    """``child = 1`` where ``intercept + sum of f_j(parent_j) + noise > 0``, the noise logistic.

    So that ``P(child = 1 | parents)`` is the logistic function of the sum.

    Parameters
    ----------
    child, parents
        Columns; the parents ascend. The child is 0 or 1.
    intercept
        The log odds where every term is 0.
    bases, coefficients
        One of each per parent: ``f_j`` is the basis' functions weighted by the coefficients.
    score
        Description length of the child given its parents, in nats.

    Notes
    -----
    The threshold is what makes counterfactuals monotone: causes that make a child likelier never
    take it from a unit that has it [1]_. Probabilities alone do not say so.

    References
    ----------
    .. [1] Pearl, "Causality", 2nd edition, 2009, sections 7.1 and 9.2.
    """

    child: int
    parents: tuple[int, ...]
    intercept: float
    bases: tuple[Basis, ...]
    coefficients: tuple[tuple[float, ...], ...]
    score: float

    @property
    def parameters(self) -> int:
        """How many free constants were fitted."""
        return 1 + sum(basis.size for basis in self.bases)

    def log_odds(self, parents: ArrayLike) -> Values:
        """Return the log odds of the child, ``[...]`` for parents ``[..., p]``."""
        x = np.asarray(parents, dtype=np.float64)
        y = np.full(x.shape[:-1], self.intercept)
        for column, (basis, weights) in enumerate(zip(self.bases, self.coefficients, strict=True)):
            y += basis.columns(x[..., column]) @ np.asarray(weights)
        return y

    def probability(self, parents: ArrayLike) -> Values:
        """Return P(child = 1), ``[...]`` for parents ``[..., p]``."""
        return np.asarray(expit(self.log_odds(parents)), dtype=np.float64)

    def abduct(self, values: ArrayLike, rng: np.random.Generator | None = None) -> Values:
        """Return the noise of units, of which the child tells but on which side it lies.

        Parameters
        ----------
        values
            ``[..., d]`` of all columns; the child is 0 or 1.
        rng
            Draws the noise from its distribution given the unit; without it, the median of that
            is returned. The median turns the child where, and only where, most draws would.

        Returns
        -------
        ndarray
            ``[...]``, to be added to the log odds.

        Raises
        ------
        DataError
            If the child is neither 0 nor 1 in some unit.
        """
        x = np.asarray(values, dtype=np.float64)
        own = x[..., self.child]
        if not np.isin(own, (0.0, 1.0)).all():
            raise DataError(
                f"column {self.child} is there (1) or not (0): the noise of a reading in between "
                "can't be abducted; round it, or ask for its counterfactual"
            )
        odds = self.log_odds(x[..., list(self.parents)])
        # The share of the side's probability that lies beyond the noise, away from the threshold.
        beyond = np.full(own.shape, -_LOG_2)
        if rng is not None:
            beyond = np.log(rng.uniform(_NEAREST, 1 - _NEAREST, own.shape))
        tail = beyond + np.where(own == 1, log_expit(odds), log_expit(-odds))
        distance = np.log(-np.expm1(tail)) - tail
        return np.asarray(np.where(own == 1, distance, -distance), dtype=np.float64)

    def predict(self, parents: ArrayLike, noise: ArrayLike) -> Values:
        """Return the child, 0 or 1, from its parents ``[..., p]`` and its noise ``[...]``."""
        return np.asarray(self.log_odds(parents) + np.asarray(noise) > 0, dtype=np.float64)

    def follow(self, values: ArrayLike, parents: ArrayLike) -> Values:
        """Return the probability that the child would be there, had its parents been others.

        Parameters
        ----------
        values
            ``[..., d]``, the unit as it is. A child, or parent, that was read to be between 0
            and 1 counts as being there with that probability; readings beyond go on in line.
        parents
            ``[..., p]``, what they would have been.

        Returns
        -------
        ndarray
            ``[...]``: the mean over all noise that agrees with the unit. Where the causes make the
            child likelier, what was there stays and some of what was not comes, and conversely.
        """
        x = np.asarray(values, dtype=np.float64)
        own = x[..., self.child]
        before, after = self.log_odds(x[..., list(self.parents)]), self.log_odds(parents)
        still_absent = np.exp(np.minimum(log_expit(-after) - log_expit(-before), 0.0))
        still_there = np.exp(np.minimum(log_expit(after) - log_expit(before), 0.0))
        return np.asarray(
            np.where(after > before, 1 - (1 - own) * still_absent, own * still_there),
            dtype=np.float64,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the mechanism as plain JSON."""
        return {
            "kind": "threshold",
            "child": self.child,
            "parents": [*self.parents],
            "intercept": self.intercept,
            "bases": [basis.to_json() for basis in self.bases],
            "coefficients": [[*weights] for weights in self.coefficients],
            "score": self.score,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Undo ``to_json``."""
        return cls(
            record["child"],
            tuple(record["parents"]),
            record["intercept"],
            tuple(map(Basis.from_json, record["bases"])),
            tuple(map(tuple, record["coefficients"])),
            record["score"],
        )
