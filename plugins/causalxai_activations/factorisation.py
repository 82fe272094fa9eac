"""Non-negative factors of activations, and the coefficients with which they make these up."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.errors import DataError

Values = NDArray[np.float64]

_EXCHANGES = 25
_TRIES_PER_FACTOR = 30
_TOLERANCE = 1e-10
_MATRIX_VALUES = 2**23


@dataclass(frozen=True)
class Factorisation:
    """Factors W with activations A ~ U W, both non-negative.

    Parameters
    ----------
    factors
        ``[k, c]``, float64, each of length 1, the one with the largest coefficients first.
    steps
        The number of iterations.
    converged
        Whether they ended before their limit.
    """

    factors: Values
    steps: int
    converged: bool


def factorise(
    activations: Values, count: int, rng: torch.Generator, *, steps: int
) -> Factorisation:
    """Factorise activations by coordinate descent [1]_.

    Parameters
    ----------
    activations
        ``[n, c]``, >= 0.
    count
        The number of factors, at most ``n`` and ``c``.
    rng
        The generator of the random projection that the start is computed with.
    steps
        The largest number of iterations.

    Raises
    ------
    DataError
        If all activations are 0, or there are fewer rows or columns than factors.

    References
    ----------
    .. [1] Cichocki, Phan, "Fast local algorithms for large scale nonnegative matrix and tensor
       factorizations", IEICE Transactions, 2009; scikit-learn's NMF.
    """
    n, channels = activations.shape
    if count > min(n, channels):
        raise DataError(
            f"concepts.factors: {count} factors cannot be found in {n} crops with {channels} "
            f"channels; at most {min(n, channels)} can"
        )
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    if not activations.any():
        raise DataError("all activations of the layer are 0, so that they have no factors")
    seed = int(torch.randint(2**31, (1,), generator=rng))
    reducer = NMF(count, init="nndsvda", solver="cd", max_iter=steps, random_state=seed)
    with warnings.catch_warnings():
        # It is told by ``converged``.
        warnings.simplefilter("ignore", ConvergenceWarning)
        coefficients = reducer.fit_transform(activations)
    lengths = np.linalg.norm(reducer.components_, axis=1)
    used = np.where(lengths > 0, lengths, 1.0)
    order = np.argsort(-(coefficients.mean(axis=0) * lengths), kind="stable")
    factors = (reducer.components_ / used[:, None])[order]
    return Factorisation(factors, int(reducer.n_iter_), reducer.n_iter_ < steps)


def most_factors(activations: Values) -> int:
    """Return the most factors with which it makes sense to factorise activations ``[n, c]``.

    It is the number of rows, or of channels that are not 0 in all rows, whichever is less: these
    alone, as factors, make up all activations.
    """
    return min(len(activations), int(activations.any(axis=0).sum()))


def coefficients(activations: Tensor, factors: Tensor) -> Tensor:
    """Return the non-negative least-squares coefficients of activations.

    Parameters
    ----------
    activations
        ``[..., c]``.
    factors
        ``[k, c]``.

    Returns
    -------
    Tensor
        ``[..., k]``, >= 0, of the type and on the device of the activations.

    Notes
    -----
    Block principal pivoting [1]_ exchanges all variables that violate the conditions of the optimum
    at once, for all rows side by side, and solves for the others exactly. The few rows in which
    that does not end are solved by the active sets of Lawson and Hanson. Each row is solved alone:
    its result does not depend on the other rows.

    References
    ----------
    .. [1] Portugal, Judice, Vicente, "A comparison of block pivoting and interior-point algorithms
       for linear least squares problems with nonnegative variables", Mathematics of Computation
       63, 1994.
    """
    dictionary = factors.cpu().double()
    gram = dictionary @ dictionary.T
    rows = activations.cpu().double().reshape(-1, factors.shape[1]) @ dictionary.T
    solved = torch.empty_like(rows)
    at_once = max(1, _MATRIX_VALUES // gram.numel())
    for place in range(0, len(rows), at_once):
        some = slice(place, place + at_once)
        solved[some] = _least_squares(gram, rows[some])
    shape = (*activations.shape[:-1], len(factors))
    return solved.to(activations).reshape(shape)


def _least_squares(gram: Tensor, right: Tensor) -> Tensor:
    """Return the x >= 0 with the least x G x / 2 - b x for each row b, ``[n, k]``."""
    solved = torch.zeros_like(right)
    left = torch.arange(len(right))
    free = torch.zeros_like(right, dtype=torch.bool)
    for _ in range(_EXCHANGES):
        b, both = right[left], free[:, :, None] & free[:, None, :]
        matrix = torch.where(both, gram, torch.eye(len(gram)).to(gram))
        x = torch.linalg.solve_ex(matrix, torch.where(free, b, 0.0))[0]
        slack = x @ gram - b
        allowed = -_TOLERANCE * b.abs().amax(dim=1, keepdim=True)
        # A singular matrix gives no number, which no comparison calls right.
        fits = torch.where(free, x >= 0, slack >= allowed)
        done = fits.all(dim=1)
        solved[left[done]] = x[done]
        left, free = left[~done], (free ^ ~fits)[~done]
        if not len(left):
            return solved
    from scipy.optimize import nnls

    values, vectors = np.linalg.eigh(gram.numpy())
    root = np.sqrt(values.clip(min=0))
    used = root > _TOLERANCE * root[-1]
    square = root[used, None] * vectors[:, used].T
    for row in left.tolist():
        target = (vectors[:, used].T @ right[row].numpy()) / root[used]
        found, _ = nnls(square, target, maxiter=_TRIES_PER_FACTOR * len(gram))
        solved[row] = torch.from_numpy(found)
    return solved
