"""Description lengths under location-scale noise, whose spread depends on the causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causalxai_glance.scm.choices import JOINT_PARENTS, Choice, screened_together
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
    residuals
        ``[locations, n]``, what they leave of the child.
    """

    node: Child
    parents: tuple[int, ...]
    locations: tuple[Location, ...]
    residuals: Values


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
    tried = [(number, fit) for number, own in enumerate(families) for fit in _fits(own, design)]
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


def _fits(family: Located, design: Design) -> list[_Fit]:
    """Fit normal noise of uneven spread wherever the spread depends on a parent."""
    n, node = design.functions.shape[1], family.node
    places = [
        place
        for place, (one, left) in enumerate(zip(family.locations, family.residuals, strict=True))
        if float(left @ left) > float(node.floors[one.link])
    ]
    spreads = _spread_functions(np.abs(family.residuals[places]), design, family.parents)
    fits = []
    for place, own in zip(places, spreads, strict=True):
        if not len(own):
            continue
        location, residual = family.locations[place], family.residuals[place]
        where = design.where(family.parents, location.chosen)
        bent = np.concatenate([np.ones((1, n)), design.functions[where] * np.sqrt(n)])
        floor = float(np.log(node.floors[location.link] / n))
        functions = design.functions[own] * np.sqrt(n)
        noise, log_sd = _fitted(node.mapped(location.link), residual, bent, functions, floor)
        fits.append(_Fit(noise, log_sd, location.price + 0.5 * len(own) * float(np.log(n))))
    return fits


def _regressed(target: Values, functions: Values, weights: Values) -> Values:
    """Return the residual of a weighted regression on functions ``[k, n]``."""
    roots = np.sqrt(weights)
    weighted = functions * roots
    # A product with its own transpose takes half the time of one of two different tables.
    gram = weighted @ weighted.T
    gram.flat[:: len(gram) + 1] *= 1 + _RIDGE
    return np.asarray(target - np.linalg.solve(gram, weighted @ (roots * target)) @ functions)


def _spread_functions(
    sizes: Values, design: Design, parents: tuple[int, ...]
) -> list[NDArray[np.int64]]:
    """Return the basis functions on which absolute residuals depend, chosen by BIC.

    Parameters
    ----------
    sizes
        ``[residuals, n]``.
    design
        Bases of all columns.
    parents
        Columns on whose functions they may depend.
    """
    centred = sizes - sizes.mean(axis=1, keepdims=True)
    whole = (centred**2).sum(axis=1)
    options = [min(_BASES, len(design.bases[parent])) for parent in parents]
    products = np.zeros((len(design.functions), len(sizes)))
    for parent, count in zip(parents, options, strict=True):
        own = slice(design.slices[parent][0].start, design.slices[parent][count - 1].stop)
        products[own] = design.functions[own] @ centred.T
    if len(parents) <= JOINT_PARENTS:
        return _chosen_spreads(whole, products, design, parents, options, sizes.shape[1])
    return [
        _chosen_spreads(whole[[row]], products[:, [row]], design, parents, options, sizes.shape[1])[
            0
        ]
        for row in range(len(sizes))
    ]


def _chosen_spreads(
    whole: Values,
    products: Values,
    design: Design,
    parents: tuple[int, ...],
    options: Sequence[int],
    n: int,
) -> list[NDArray[np.int64]]:
    """Choose the functions for several residuals whose sums of squares and products are given.

    With so many parents that not all choices are tried, there may be only one residual.
    """

    def fits(choices: Sequence[Choice]) -> list[tuple[Values, NDArray[np.int64]]]:
        places, explained = [], np.zeros((len(choices), len(whole)))
        for row, choice in enumerate(choices):
            some = [(p, own - 1) for p, own in zip(parents, choice, strict=True) if own]
            where = design.where([p for p, _ in some], [own for _, own in some])
            if len(where):
                found = products[where]
                explained[row] = (found * design.solve(where, found)).sum(axis=0)
            places.append(where)
        shares = np.maximum((whole - explained) / whole, _RIDGE)
        prices = 0.5 * np.log(n) * np.array([[len(where)] for where in places])
        return [*zip(0.5 * n * np.log(shares) + prices, places, strict=True)]

    # Option 0 of a parent is that the spread does not depend on it.
    options = [1 + count for count in options]
    found = screened_together(options, fits, lambda fit: float(fit[0].min()))
    lengths = np.stack([length for length, _ in found.values()])
    chosen = [where for _, where in found.values()]
    return [chosen[best] for best in lengths.argmin(axis=0)]


def _fitted(
    target: Values, residual: Values, bent: Values, functions: Values, floor: float
) -> tuple[Values, Values]:
    """Return standardised residuals and the log sd of each, fitted by turns.

    The log variance, which is at least ``floor``, is improved by Fisher scoring. The residual is
    that of even noise, with which the first turn begins.
    """
    information = functions @ functions.T
    information.flat[:: len(information) + 1] *= 1 + 1e-6
    log_variance = np.full(len(target), float(np.log(residual.var())))
    for turn in range(_STEPS):
        weights = np.exp(-log_variance)
        if turn:
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
