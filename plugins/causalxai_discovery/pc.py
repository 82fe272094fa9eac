"""The PC algorithm."""

from __future__ import annotations

from math import comb
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from causalxai_discovery.causal_learn import background_of, causal_learn, claims_of
from causalxai_discovery.claims import Claims
from causalxai_discovery.constraints import Constraints
from causalxai_discovery.observations import (
    ObservationDiscoverer,
    ObservationsConfig,
    order_of_columns,
    without_units,
)

IndependenceTest: TypeAlias = Literal["fisherz", "kci"]


def discover_pc(
    values: NDArray[np.float64],
    constraints: Constraints | None = None,
    *,
    alpha: float = 0.05,
    test: IndependenceTest = "fisherz",
    family_wise: bool = False,
) -> Claims:
    """Run stable PC [1]_.

    Parameters
    ----------
    values
        ``[n, d]``.
    constraints
        Used in the search of the skeleton and in the orientation of edges.
    alpha
        Above which p-value two concepts count as independent, in (0, 1).
    family_wise
        Whether ``alpha`` is for the graph instead of for each test: each is then tested at
        ``alpha`` divided by the number of pairs (Bonferroni).
    test
        ``fisherz``: vanishing partial correlation. ``kci``: kernels [2]_; any dependence, at a cost
        of n³.

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
    .. [1] Spirtes, Glymour, Scheines, "Causation, prediction, and search", 2000; Colombo, Maathuis,
       "Order-independent constraint-based causal structure learning", JMLR 15, 2014.
    .. [2] Zhang, Peters, Janzing, Schölkopf, "Kernel-based conditional independence test and
       application in causal discovery", UAI 2011.
    """
    columns = without_units(values)
    pairs = comb(columns.shape[1], 2)
    # Of colliders that contradict each other, the library keeps the one that it meets first.
    order = order_of_columns(columns)
    found = causal_learn("search.ConstraintBased.PC").pc(
        columns[:, order],
        alpha=alpha / pairs if family_wise else alpha,
        indep_test=test,
        background_knowledge=(
            None if constraints is None else background_of(constraints.among(order))
        ),
        show_progress=False,
    )
    return claims_of(found.G.graph).placed(order)


class Pc(ObservationDiscoverer):
    """PC on observed concepts, through causal-learn; see ``discover_pc``."""

    class Config(ObservationsConfig):
        """Settings of ``Pc``.

        Parameters
        ----------
        alpha
            Above which p-value two concepts count as independent.
        family_wise
            Whether ``alpha`` is for the graph instead of for each test: of graphs of concepts that
            are all independent, at most this share then has an edge. Otherwise it is about
            1 - (1 - alpha)^(d (d - 1) / 2) for d concepts: 26 % for four at .05.
        test
            ``fisherz`` tests linear dependence; ``kci`` tests any, which takes minutes with
            thousands of images.
        """

        alpha: float = Field(default=0.05, gt=0, lt=1)
        family_wise: bool = False
        test: IndependenceTest = "fisherz"

    config: Config

    def _false_edges(self, d: int) -> str:
        alpha, pairs = self.config.alpha, comb(d, 2)
        if self.config.family_wise:
            return (
                f"Of graphs of {d} independent concepts, at most {alpha:.2%} have an edge "
                "(family_wise)."
            )
        share = 1 - (1 - alpha) ** pairs
        return (
            f"Each of {pairs} pairs is tested at alpha = {alpha:g}: of graphs of {d} independent "
            f"concepts, about {share:.0%} have an edge. With graph.family_wise: true, at most "
            f"{alpha:.2%} would."
        )

    def _search(
        self,
        values: NDArray[np.float64],
        constraints: Constraints,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Claims:
        return discover_pc(
            values,
            constraints,
            alpha=self.config.alpha,
            test=self.config.test,
            family_wise=self.config.family_wise,
        )
