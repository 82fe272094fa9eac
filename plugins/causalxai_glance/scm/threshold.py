"""The structural equation of a boolean concept: a threshold on its causes and its noise."""

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
# A draw that is nearer to 0 or 1 than this would be lost in rounding.
_NEAREST = 1e-9


# statsmodels' OrderedModel fits and predicts, but cannot abduct the noise of a unit.
@dataclass(frozen=True)
class ThresholdEquation:
    """The equation ``child = [intercept + sum of f_j(parent_j) + noise > 0]``, noise logistic.

    Hence ``P(child = 1 | parents)`` is the logistic function of the sum without the noise.

    Parameters
    ----------
    child, parents
        Columns; the parents are in ascending order. The child is 0 or 1.
    intercept
        The log odds where every term is 0.
    bases, coefficients
        One of each per parent: ``f_j`` is the basis' functions weighted by the coefficients.
    score
        Description length of the child given its parents, in nats.

    Notes
    -----
    The threshold makes counterfactuals monotone: a change of causes that makes the child likelier
    never turns it from 1 to 0 in any unit [1]_. Conditional probabilities alone do not imply this.

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
        """The number of free parameters that were fitted."""
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
        """Return the noise of units; the child determines only its side of the threshold.

        Parameters
        ----------
        values
            ``[..., d]`` of all columns; the child is 0 or 1.
        rng
            Draws the noise from its distribution given the unit; without it, the median of that
            distribution is returned. Under an intervention, the median changes the child exactly
            where most draws would.

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
                f"column {self.child} must be 0 or 1: the noise of a value in between can't be "
                "abducted; round it, or use 'counterfactual'"
            )
        odds = self.log_odds(x[..., list(self.parents)])
        # The log of the share of the side's probability beyond the noise, away from the threshold.
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
        """Return the probability that the child would be 1, had its parents had other values.

        Parameters
        ----------
        values
            ``[..., d]``, the factual values of the units. A value between 0 and 1 of a child or
            parent is the probability that it is 1; values outside this range are extrapolated
            linearly.
        parents
            ``[..., p]``, the counterfactual values of the parents.

        Returns
        -------
        ndarray
            ``[...]``: the mean over the noise distribution given the unit. Where the change of
            causes makes the child likelier, a child that is 1 stays 1 and one that is 0 becomes 1
            with some probability; and conversely.
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
        """Return the equation as plain JSON."""
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
        """Return the equation that ``to_json`` described."""
        return cls(
            record["child"],
            tuple(record["parents"]),
            record["intercept"],
            tuple(map(Basis.from_json, record["bases"])),
            tuple(map(tuple, record["coefficients"])),
            record["score"],
        )
