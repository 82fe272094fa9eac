"""LIME's surrogate: a sparse linear model of one unit's surroundings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Lasso

Values = NDArray[np.float64]

_ITERATIONS = 10_000
# Logits are in single precision: what varies by less does not vary.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class LocalModel:
    """A response near one unit, as a sum of what each concept contributes.

    Parameters
    ----------
    coefficients
        ``[d]``, for each unit of a move; 0 where a concept was not selected.
    intercept
        The response without any move.
    fidelity
        R² on samples that were left out one by one, weighted; negative where the mean says more
        than the model, 0 where the response does not vary, or no sample is near enough to tell.
        Left out of the least squares alone: the lasso has selected its concepts with all samples,
        which flatters a model of few concepts out of many a little.
    """

    coefficients: Values
    intercept: float
    fidelity: float

    @classmethod
    def fit(
        cls, moves: Values, response: Values, weights: Values, *, sparsity: float
    ) -> LocalModel:
        """Select concepts by the lasso, and fit those alone by weighted least squares.

        Parameters
        ----------
        moves
            ``[q, d]``, how far each sample is from the unit, concept by concept.
        response
            ``[q]``.
        weights
            ``[q]``, not negative: how near each sample is.
        sparsity
            The lasso's penalty as a share, in [0, 1), of the one that selects nothing; 0 selects
            all.

        Notes
        -----
        Source: Ribeiro, Singh, Guestrin, "Why should I trust you?", KDD 2016, section 3.4.
        The penalty is relative, so that the selection does not change with the response's scale.
        """
        shares = weights / weights.sum()
        centre = shares @ moves
        x, y = moves - centre, response - shares @ response
        spread, size = (np.sqrt(shares @ np.square(values)) for values in (y, response))
        if spread <= _ROUNDING * size or not ((shares * y) @ x).any():
            return cls(np.zeros(moves.shape[1]), float(shares @ response), 0.0)
        selected = _select(x, y, shares, sparsity)
        root = np.sqrt(shares)
        coefficients = np.zeros(moves.shape[1])
        coefficients[selected] = np.linalg.lstsq(root[:, None] * x[:, selected], root * y)[0]
        left_over = root * (y - x @ coefficients)
        leverage = _leverage(np.column_stack([root, root[:, None] * x[:, selected]]))
        return cls(
            coefficients,
            float(shares @ response - centre @ coefficients),
            _left_out_r_squared(root * y, root, left_over, leverage),
        )


def locality(moves: Values, width: float) -> Values:
    """Return LIME's exponential kernel of the distance, ``[q]``, of moves ``[q, d]``."""
    near: Values = np.exp(-0.5 * np.square(moves).sum(axis=1) / width**2)
    return near


def _select(x: Values, y: Values, shares: Values, sparsity: float) -> NDArray[np.int64]:
    """Return the columns that the lasso keeps; all are centred, the shares sum to one."""
    if sparsity == 0:
        return np.arange(x.shape[1])
    most = np.abs((shares * y) @ x).max()
    # Scaled to a response of order one: the solver's tolerance is not relative in all versions.
    lasso = Lasso(alpha=sparsity, fit_intercept=False, max_iter=_ITERATIONS)
    found: NDArray[np.int64] = np.flatnonzero(lasso.fit(x, y / most, sample_weight=shares).coef_)
    return found


def _leverage(design: Values) -> Values:
    """Return how far each weighted sample draws its own prediction, in [0, 1]."""
    u, s, _ = np.linalg.svd(design, full_matrices=False)
    kept = u[:, s > s[0] * 1e-12]
    leverage: Values = np.square(kept).sum(axis=1)
    return leverage


def _left_out_r_squared(y: Values, root: Values, left_over: Values, leverage: Values) -> float:
    """Compare errors of models that did not see the sample, and of means that did not."""
    free = 1 - leverage > 1e-9
    errors = left_over[free] / (1 - leverage[free])
    nothing = y[free] / (1 - root[free] ** 2)
    return 1 - float(np.square(errors).sum()) / float(np.square(nothing).sum())
