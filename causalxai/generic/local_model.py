"""LIME's surrogate: a sparse linear model of the responses near one unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_ITERATIONS = 10_000
# Logits have single precision; smaller variations are rounding.
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
        Weighted R² by leave-one-out; negative if the mean predicts better than the model, 0 if the
        response does not vary or no sample is near enough. The samples are left out only of the
        least squares. The lasso has selected the concepts with all samples, so that the figure is
        slightly too high for few concepts out of many.
    """

    coefficients: Values
    intercept: float
    fidelity: float

    @classmethod
    def fit(
        cls, moves: Values, response: Values, weights: Values, *, sparsity: float
    ) -> LocalModel:
        """Select concepts by the lasso, and fit only these by weighted least squares.

        Parameters
        ----------
        moves
            ``[q, d]``, how far each sample is from the unit, concept by concept.
        response
            ``[q]``.
        weights
            ``[q]``, not negative: the proximity of each sample.
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
    # Divided first, because the square of a small width may be 0.
    with np.errstate(over="ignore"):
        near: Values = np.exp(-0.5 * np.square(moves / width).sum(axis=1))
    return near


def _select(x: Values, y: Values, shares: Values, sparsity: float) -> NDArray[np.int64]:
    """Return the columns that the lasso keeps; all are centred, the shares sum to one."""
    if sparsity == 0:
        return np.arange(x.shape[1])
    from sklearn.linear_model import Lasso

    most = np.abs((shares * y) @ x).max()
    # Scaled to a response of order one: the solver's tolerance is not relative in all versions.
    lasso = Lasso(alpha=sparsity, fit_intercept=False, max_iter=_ITERATIONS)
    found: NDArray[np.int64] = np.flatnonzero(lasso.fit(x, y / most, sample_weight=shares).coef_)
    return found


def _leverage(design: Values) -> Values:
    """Return the leverage of each weighted sample, in [0, 1]."""
    u, s, _ = np.linalg.svd(design, full_matrices=False)
    kept = u[:, s > s[0] * 1e-12]
    leverage: Values = np.square(kept).sum(axis=1)
    return leverage


def _left_out_r_squared(y: Values, root: Values, left_over: Values, leverage: Values) -> float:
    """Return R² from the leave-one-out errors of the model and of the mean."""
    free = 1 - leverage > 1e-9
    errors = left_over[free] / (1 - leverage[free])
    nothing = y[free] / (1 - root[free] ** 2)
    return 1 - float(np.square(errors).sum()) / float(np.square(nothing).sum())
