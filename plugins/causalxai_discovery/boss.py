"""Best order score search."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

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


def discover_boss(
    values: NDArray[np.float64],
    rng: np.random.Generator,
    constraints: Constraints | None = None,
    *,
    sparsity: float = 0.5,
    starts: int = 10,
) -> Claims:
    """Run BOSS [1]_ with the BIC of linear Gaussian mechanisms.

    Parameters
    ----------
    values
        ``[n, d]``.
    rng
        Draws the initial orders of the searches, and the order of their moves.
    constraints
        BOSS itself uses no constraints here. They orient edges whose direction it leaves open,
        together with Meek's rules. Violations are resolved by ``settle``.
    sparsity
        The penalty of a parameter, in units of log n.
    starts
        The number of orders from which to search; the graph with the best score is returned. From a
        single order, moves of single variables often lead to a graph with unnecessary edges.

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
    .. [1] Andrews, Ramsey, Sanchez Romero, Camchong, Kummerfeld, "Fast scalable and accurate
       discovery of DAGs using the best order score search and grow-shrink trees", NeurIPS 2023.
    """
    d = values.shape[1]
    if d < 2:
        return Claims(frozenset())
    values = without_units(values)
    searches = [_search_once(values, rng.permutation(d), rng, sparsity) for _ in range(starts)]
    best = max(searches, key=lambda search: search.score)
    seen = None if constraints is None else _seen_from(constraints, best.columns)
    return oriented(best.graph, seen).placed(best.columns.tolist())


class _Found(NamedTuple):
    score: float
    columns: NDArray[np.int_]
    graph: Any


def _search_once(
    values: NDArray[np.float64],
    columns: NDArray[np.int_],
    rng: np.random.Generator,
    sparsity: float,
) -> _Found:
    """Search from one order; the graph's nodes are the columns in that order."""
    seen = values[:, columns]
    with _python_random(rng):
        graph = causal_learn("search.PermutationBased.BOSS").boss(
            seen,
            score_func="local_score_BIC_from_cov",
            parameters={"lambda_value": sparsity},
            verbose=False,
        )
    dag = causal_learn("utils.PDAG2DAG").pdag2dag(graph).graph
    return _Found(_score(seen, dag == 1, sparsity), columns, graph)


def _score(values: NDArray[np.float64], parents: NDArray[np.bool_], sparsity: float) -> float:
    """Return the search's own score, the BIC of a linear Gaussian graph; higher is better.

    ``parents[j, i]`` is whether i → j.
    """
    n = len(values)
    total = 0.0
    for effect, causes in enumerate(parents):
        design = np.column_stack([np.ones(n), values[:, causes]])
        fit = np.linalg.lstsq(design, values[:, effect], rcond=None)[0]
        variance = float(np.mean((values[:, effect] - design @ fit) ** 2))
        total -= 0.5 * n * np.log(max(variance, np.finfo(float).tiny))
        total -= sparsity * np.log(n) * int(causes.sum())
    return total


def _seen_from(constraints: Constraints, columns: NDArray[np.int_]) -> Constraints:
    """Return the same constraints for columns in another order."""
    place = {int(column): index for index, column in enumerate(columns)}
    required = frozenset((place[i], place[j]) for i, j in constraints.required)
    return Constraints(constraints.allowed[np.ix_(columns, columns)], required)


@contextmanager
def _python_random(rng: np.random.Generator) -> Iterator[None]:
    """Seed Python's global generator, from which the library draws, and restore it afterwards."""
    before = random.getstate()
    random.seed(int(rng.integers(2**32)))
    try:
        yield
    finally:
        random.setstate(before)


class Boss(ObservationDiscoverer):
    """BOSS on observed concepts, through causal-learn; see ``discover_boss``."""

    measured_false_edges = (
        "Of 100 graphs of four independent concepts with 500 images each, 4 to 13 had an edge "
        "(measured; normal, exponential and uniform concepts)."
    )

    class Config(ObservationsConfig):
        """Settings of ``Boss``.

        Parameters
        ----------
        sparsity
            The BIC's penalty of a parameter, in units of log n: .5 is Schwarz's.
        starts
            The number of random orders from which to search.
        """

        sparsity: float = Field(default=0.5, gt=0)
        starts: int = Field(default=10, ge=1)

    config: Config

    def _search(
        self, values: NDArray[np.float64], constraints: Constraints, rng: np.random.Generator
    ) -> Claims:
        return discover_boss(
            values,
            rng,
            constraints,
            sparsity=self.config.sparsity,
            starts=self.config.starts,
        )
