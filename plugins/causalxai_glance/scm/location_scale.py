"""Description lengths under location-scale noise, whose spread depends on the causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causalxai_glance.scm.choices import Choice, screened
from causalxai_glance.scm.design import Child, Design
from causalxai_glance.scm.noise import Cells, fit_noise

Values = NDArray[np.float64]

_BASES = 3
"""The spread is a line or one of the smaller splines of each parent."""

_STEPS = 15
_SMALL_STEP = 1e-3
_MOST_SURPRISING = 20.0  # Squared standardised residuals count as at most this in a step.
_FARTHEST = 6.0  # The log variance stays within this distance of its mean.
_RIDGE = 1e-9


@dataclass(frozen=True)
class Location:
    """What is kept of an equation with even noise: everything but its noise.

    Parameters
    ----------
    chosen
        The basis of each parent, by index.
    link
        The child's link, by index.
    price
        The cost of its parameters and of the Jacobian, in nats.
    """

    chosen: Choice
    link: int
    price: float


@dataclass(frozen=True)
class Located:
    """A family, with the equations of even noise that are tried.

    Parameters
    ----------
    node, parents
        The child and its parents in ascending order.
    locations
        Links of the child and bases of the functions of its parents.
    """

    node: Child
    parents: tuple[int, ...]
    locations: tuple[Location, ...]


def location_scale_lengths(
    design: Design, families: Sequence[Located], components: int
) -> list[float]:
    """Return the least description lengths whose noise is spread unevenly, in nats.

    The model is ``g(child) = sum of f_j(parent_j) + exp(c + sum of h_j(parent_j)) * noise`` [1]_.
    The functions h are chosen by a regression of the absolute residuals, like Glejser's test [2]_;
    then f and h are fitted by normal likelihood, and a mixture to the standardised residuals.

    Parameters
    ----------
    design
        Bases of all columns.
    families
        What is to be described.
    components
        The largest number of components of the noise.

    Returns
    -------
    list of float
        One per family; infinite where no residual's spread seems to depend on the parents.

    References
    ----------
    .. [1] Immer, Schultheiss, Vogt, Schölkopf, Bühlmann, Marx, "On the identifiability and
       estimation of causal location-scale noise models", ICML 2023.
    .. [2] Glejser, "A new test for heteroskedasticity", JASA 1969.
    """
    tried = [
        (number, fit)
        for number, own in enumerate(families)
        for location in own.locations
        if (fit := _fit(own.node, design, own.parents, location)) is not None
    ]
    least = [float("inf")] * len(families)
    lengths = _noise_lengths([(fit, families[at].node.cells) for at, fit in tried], components)
    for length, (number, fit) in zip(lengths, tried, strict=True):
        least[number] = min(least[number], length + fit.price)
    return least


@dataclass(frozen=True)
class _Fit:
    """Standardised residuals and their log sds, ``[n]``, and the cost of all but the noise."""

    noise: Values
    log_sd: Values
    price: float


def _fit(node: Child, design: Design, parents: tuple[int, ...], location: Location) -> _Fit | None:
    """Fit normal noise of uneven spread; ``None`` where the spread depends on no parent."""
    n = design.functions.shape[1]
    where = design.where(parents, location.chosen)
    bent = np.concatenate([np.ones((1, n)), design.functions[where] * np.sqrt(n)])
    target, floor = node.mapped(location.link), float(node.floors[location.link]) / n
    residual = _regressed(target, bent, np.ones(n))
    if float(residual @ residual) <= n * floor:
        return None
    own = _spread_functions(np.abs(residual), design, parents)
    if not len(own):
        return None
    functions = design.functions[own] * np.sqrt(n)
    noise, log_sd = _fitted(target, bent, functions, float(np.log(floor)))
    return _Fit(noise, log_sd, location.price + 0.5 * len(own) * float(np.log(n)))


def _regressed(target: Values, functions: Values, weights: Values) -> Values:
    """Return the residual of a weighted regression on functions ``[k, n]``."""
    weighted = functions * weights
    gram = weighted @ functions.T
    gram.flat[:: len(gram) + 1] *= 1 + _RIDGE
    return np.asarray(target - np.linalg.solve(gram, weighted @ target) @ functions)


def _spread_functions(size: Values, design: Design, parents: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the basis functions on which the absolute residuals depend, chosen by BIC."""
    n = len(size)
    centred = size - size.mean()
    whole = float(centred @ centred)
    sizes = [min(_BASES, len(design.bases[parent])) for parent in parents]
    used = np.concatenate(
        [
            design.where([p], [own])
            for p, size in zip(parents, sizes, strict=True)
            for own in range(size)
        ]
    )
    products = np.zeros(len(design.functions))
    products[used] = design.functions[used] @ centred

    def fit(choice: Choice) -> tuple[float, NDArray[np.int64]]:
        some = [(p, own - 1) for p, own in zip(parents, choice, strict=True) if own]
        where = design.where([p for p, _ in some], [own for _, own in some])
        left = whole
        if len(where):
            left = whole - float(products[where] @ design.solve(where, products[where]))
        share = max(left / whole, _RIDGE)
        return 0.5 * n * float(np.log(share)) + 0.5 * len(where) * float(np.log(n)), where

    # Option 0 of a parent is that the spread does not depend on it.
    fits = screened([1 + size for size in sizes], fit, lambda found: found[0])
    return min(fits.values(), key=lambda found: found[0])[1]


def _fitted(target: Values, bent: Values, functions: Values, floor: float) -> tuple[Values, Values]:
    """Return standardised residuals and the log sd of each, fitted by turns.

    The log variance, which is at least ``floor``, is improved by Fisher scoring.
    """
    information = functions @ functions.T
    information.flat[:: len(information) + 1] *= 1 + 1e-6
    residual = _regressed(target, bent, np.ones(len(target)))
    log_variance = np.full(len(target), float(np.log(residual.var())))
    for _ in range(_STEPS):
        weights = np.exp(-log_variance)
        residual = _regressed(target, bent, weights)
        surprise = np.minimum(residual**2 * weights, _MOST_SURPRISING) - 1
        slopes = np.linalg.solve(information, functions @ surprise)
        moved = log_variance + surprise.mean() + slopes @ functions
        middle = float(moved.mean())
        moved = np.clip(moved, max(middle - _FARTHEST, floor), max(middle + _FARTHEST, floor))
        change = float(np.abs(moved - log_variance).max())
        log_variance = moved
        if change < _SMALL_STEP:
            break
    return residual * np.exp(-log_variance / 2), log_variance / 2


def _noise_lengths(fits: Sequence[tuple[_Fit, Cells | None]], components: int) -> list[float]:
    """Return the description lengths of noises that are stretched by an sd for each value."""
    exact = [fit.noise for fit, cells in fits if cells is None]
    found = iter(fit_noise(np.stack(exact), components) if exact else ())
    lengths = []
    for fit, cells in fits:
        if cells is None:
            lengths.append(next(found).length + float(fit.log_sd.sum()))
            continue
        sd = np.exp(fit.log_sd[cells.rows])
        narrowed = Cells(cells.rows, cells.lower / sd, cells.upper / sd)
        # Intervals have probabilities, which stretching leaves as they are.
        stretched = float(np.delete(fit.log_sd, cells.rows).sum())
        lengths.append(fit_noise(fit.noise, components, narrowed)[0].length + stretched)
    return lengths
