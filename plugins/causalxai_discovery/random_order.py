"""A control with edges from regression and random directions."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field

from causalxai_discovery.claims import Claims
from causalxai_discovery.constraints import Constraints
from causalxai_discovery.observations import (
    ObservationDiscoverer,
    ObservationsConfig,
    without_units,
)


def discover_random_order(
    values: NDArray[np.float64],
    rng: np.random.Generator,
    constraints: Constraints | None = None,
    *,
    alpha: float = 0.01,
) -> Claims:
    """Draw an order, and keep the edges along it that linear regression finds significant.

    Parameters
    ----------
    values
        ``[n, d]``.
    rng
        Draws the order.
    constraints
        The order is drawn among those that the constraints allow; only allowed edges are kept.
    alpha
        The level of the t-test of a coefficient, in (0, 1).

    Returns
    -------
    Claims
        Directed edges only, as a baseline for other methods.

    Raises
    ------
    DataError
        If a column is constant or a linear function of others.
    """
    values = without_units(values)
    known = Constraints.none(values.shape[1]) if constraints is None else constraints
    order = _draw_order(known, rng)
    directed = set()
    for place, target in enumerate(order):
        causes = [cause for cause in order[:place] if known.allowed[cause, target]]
        if causes:
            p = _p_values(values[:, causes], values[:, target])
            directed |= {(i, target) for i, small in zip(causes, p < alpha, strict=True) if small}
    return Claims(frozenset(directed))


def _draw_order(known: Constraints, rng: np.random.Generator) -> list[int]:
    rest, order = list(range(len(known.allowed))), list[int]()
    while rest:
        order.append(int(rng.choice([k for k in rest if not known.precedes[rest, k].any()])))
        rest.remove(order[-1])
    return order


def _p_values(causes: NDArray[np.float64], effect: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for each cause, the two-sided p-value of its coefficient in least squares."""
    n, k = causes.shape
    x, y = causes - causes.mean(axis=0), effect - effect.mean()
    inverse = np.linalg.pinv(x.T @ x)
    weights = inverse @ x.T @ y
    variance = ((y - x @ weights) ** 2).sum() / (n - k - 1)
    error = np.sqrt(np.maximum(variance * np.diag(inverse), np.finfo(float).tiny))
    p: NDArray[np.float64] = 2 * scipy.stats.t.sf(np.abs(weights / error), n - k - 1)
    return p


class RandomOrder(ObservationDiscoverer):
    """A random order of the observed concepts; see ``discover_random_order``."""

    class Config(ObservationsConfig):
        """Settings of ``RandomOrder``.

        Parameters
        ----------
        alpha
            The level of the t-test that keeps an edge.
        """

        alpha: float = Field(default=0.01, gt=0, lt=1)

    config: Config

    def _search(
        self, values: NDArray[np.float64], constraints: Constraints, rng: np.random.Generator
    ) -> Claims:
        return discover_random_order(values, rng, constraints, alpha=self.config.alpha)
