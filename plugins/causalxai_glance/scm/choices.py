"""Choices of a basis for each parent: all combinations, or those on a coordinate descent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import TypeAlias, TypeVar

Choice: TypeAlias = tuple[int, ...]
Fit = TypeVar("Fit")

JOINT_PARENTS = 3
"""Up to this number of parents, all combinations of bases are tried."""


def screened(
    options: Sequence[int], fit: Callable[[Choice], Fit], cost: Callable[[Fit], float]
) -> dict[Choice, Fit]:
    """Return the choices that were tried, each with its fit.

    Parameters
    ----------
    options
        The number of options for each parent.
    fit
        Called once for each choice, which holds a number below each parent's ``options``.
    cost
        The cost of a fit; lower is better. With many parents, the choices are improved one at a
        time while the others are kept (coordinate descent), until no change is better. The search
        starts with option 0 for every parent.
    """
    return screened_together(options, lambda choices: [fit(choice) for choice in choices], cost)


def screened_together(
    options: Sequence[int],
    fits: Callable[[Sequence[Choice]], Sequence[Fit]],
    cost: Callable[[Fit], float],
) -> dict[Choice, Fit]:
    """Do the same as ``screened`` with fits to many choices at once, which are given in turn."""
    ranges = [range(count) for count in options]
    if len(ranges) <= JOINT_PARENTS:
        every = [*product(*ranges)]
        return dict(zip(every, fits(every), strict=True))
    current: Choice = (0,) * len(ranges)
    known, previous = {current: fits([current])[0]}, None
    while current != previous:
        previous = current
        for place, range_ in enumerate(ranges):
            rivals = [(*current[:place], own, *current[place + 1 :]) for own in range_]
            new = [rival for rival in rivals if rival not in known]
            if new:
                known.update(zip(new, fits(new), strict=True))
            current = min(rivals, key=lambda rival: cost(known[rival]))
    return known
