"""Greedy equivalence search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from causalxai_discovery.causal_learn import causal_learn
from causalxai_discovery.claims import Claims
from causalxai_discovery.constraints import Constraints
from causalxai_discovery.observations import (
    ObservationDiscoverer,
    ObservationsConfig,
    without_units,
)
from causalxai_discovery.orientation import oriented


def discover_ges(
    values: NDArray[np.float64], constraints: Constraints | None = None, *, sparsity: float = 0.5
) -> Claims:
    """Run GES [1]_ with the BIC of linear Gaussian mechanisms.

    Parameters
    ----------
    values
        ``[n, d]``.
    constraints
        GES itself uses no constraints. They orient edges whose direction it leaves open, together
        with Meek's rules. Violations are resolved by ``settle``.
    sparsity
        The penalty of a parameter, in units of log n.

    Returns
    -------
    Claims
        The equivalence class: undirected pairs are those whose direction it leaves open.

    Raises
    ------
    DataError
        If a column is constant or a linear function of others.

    References
    ----------
    .. [1] Chickering, "Optimal structure identification with greedy search", JMLR 3, 2002.
    """
    if values.shape[1] < 2:
        return Claims(frozenset())
    values = without_units(values)
    search = causal_learn("search.ScoreBased.GES")
    found = search.ges(values, score_func="local_score_BIC", lambda_value=sparsity)["G"]
    return oriented(found, constraints)


class Ges(ObservationDiscoverer):
    """GES on observed concepts, through causal-learn; see ``discover_ges``."""

    measured_false_edges = (
        "Of 100 graphs of four independent concepts with 500 images each, 4 to 7 had an edge "
        "(measured; normal, exponential and uniform concepts)."
    )

    class Config(ObservationsConfig):
        """Settings of ``Ges``.

        Parameters
        ----------
        sparsity
            The BIC's penalty of a parameter, in units of log n: .5 is Schwarz's.
        """

        sparsity: float = Field(default=0.5, gt=0)

    config: Config

    def _search(
        self,
        values: NDArray[np.float64],
        constraints: Constraints,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Claims:
        return discover_ges(values, constraints, sparsity=self.config.sparsity)
