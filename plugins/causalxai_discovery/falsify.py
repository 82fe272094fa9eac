"""Tests of the independences that a graph implies."""

from __future__ import annotations

from typing import Literal, TypeAlias

import networkx as nx
import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray
from pydantic import Field

from causalxai.capabilities import Capability
from causalxai.columns import standardised
from causalxai.errors import DataError
from causalxai.metric import Estimate, MetricResult, MetricUndefinedError, RunMetric, ScoringInputs
from causalxai.metrics.graph_scores import directed_member
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai_discovery.dowhy_library import dowhy, dowhy_session
from causalxai_discovery.observations import observed

IndependenceTest: TypeAlias = Literal["kernel", "linear"]


class Falsify(RunMetric):
    """The share of the graph's local Markov conditions that observed concepts violate [1]_.

    Each concept must be independent of its non-descendants, given its parents. ``chance`` is the
    same share for the graph with randomly permuted nodes. ``parts`` are: ``as good by chance``, the
    share of those graphs that violate no more conditions (the test's p-value); and ``same class``,
    the share of them that imply the same independences and cannot be distinguished: where it is
    high, the graph is too symmetric to be falsified. For a graph with undirected edges, one of its
    directed members is tested, which implies the same independences as all of them.

    Source: dowhy's ``gcm.falsify.falsify_graph``. It scores the graph, not the explanation.

    References
    ----------
    .. [1] Eulig, Mastakouri, Blöbaum, Hardt, Janzing, "Toward falsifying causal graphs using a
       permutation-based test", AAAI 2025.
    """

    name = "falsify"
    higher_is_better = False
    value_range = (0.0, 1.0)
    reference = "Eulig et al.: Toward falsifying causal graphs using a permutation-based test"
    requires = frozenset({Capability.GRAPH, Capability.OBSERVATIONS})

    class Config(PluginConfig):
        """Settings of ``Falsify``.

        Parameters
        ----------
        test
            ``kernel`` detects any dependence and takes time cubic in the rows; ``linear`` tests
            (partial) correlation.
        alpha
            A condition is violated where the test's p-value is at most this.
        rows
            The largest number of training images that the tests use.
        permutations
            The number of permutations of the nodes.
        """

        test: IndependenceTest = "kernel"
        alpha: float = Field(default=0.05, gt=0, lt=1)
        rows: int = Field(default=300, ge=20)
        permutations: int = Field(default=50, ge=2)

    config: Config

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        graph, names = inputs.need_graph(), inputs.dataset.concept_names
        shared = [name for name in names if name in graph.nodes]
        if len(shared) < 2:
            raise MetricUndefinedError("fewer than two of the graph's nodes are observed")
        rng = numpy_generator(inputs.rng)
        values = _observed(inputs)
        rows = rng.permutation(len(values))[: self.config.rows]
        member = directed_member(graph)
        # Standardised for the kernels, with safe column names.
        table = _standardised(values[rows][:, [names.index(name) for name in shared]], shared)
        dag = nx.relabel_nodes(_among(member.adjacency(shared)), dict(enumerate(_columns(shared))))
        with dowhy_session(rng):
            return self._result(dag, pd.DataFrame(table, columns=_columns(shared)), rng)

    def _result(
        self, dag: nx.DiGraph, table: pd.DataFrame, rng: np.random.Generator
    ) -> MetricResult:
        falsify = dowhy("gcm.falsify")
        key = falsify.FalsifyConst
        test = falsify.kernel_based if self.config.test == "kernel" else partial_correlation
        summary = falsify.falsify_graph(
            dag,
            table,
            independence_test=test,
            conditional_independence_test=test,
            significance_ci=self.config.alpha,
            n_permutations=self.config.permutations,
            n_jobs=1,
            show_progress_bar=False,
        ).summary
        markov, same = summary[key.VALIDATE_LMC], summary[key.VALIDATE_TPA]
        tests = int(markov[key.N_TESTS])
        if not tests:
            raise MetricUndefinedError(
                "all pairs of the graph's observed nodes are adjacent, so that it implies no "
                "independence"
            )
        drawn = len(markov[key.F_PERM_VIOLATIONS])
        return MetricResult(
            self.name,
            estimate=Estimate(float(markov[key.F_GIVEN_VIOLATIONS]), n=tests),
            chance=Estimate.mean(markov[key.F_PERM_VIOLATIONS], rng, bounds=self.value_range),
            parts={
                "as good by chance": Estimate(float(markov[key.P_VALUE]), n=drawn),
                "same class": Estimate(float(same[key.P_VALUE]), n=drawn),
            },
        )


def partial_correlation(
    x: NDArray[np.float64], y: NDArray[np.float64], given: NDArray[np.float64] | None = None
) -> float:
    """Return the p-value of a vanishing (partial) correlation, by Student's t.

    Parameters
    ----------
    x, y
        ``[n]``.
    given
        ``[n, k]``, or none.
    """
    n = len(x)
    design = np.ones((n, 1)) if given is None else np.column_stack([np.ones(n), given])
    left, right = (
        column.ravel() - design @ np.linalg.lstsq(design, column.ravel(), rcond=None)[0]
        for column in (np.asarray(x), np.asarray(y))
    )
    norm = np.linalg.norm(left) * np.linalg.norm(right)
    r = float(left @ right / norm) if norm > 0 else 0.0
    freedom = n - design.shape[1] - 1
    t = r * np.sqrt(freedom / max(1 - r**2, np.finfo(float).tiny))
    return float(2 * scipy.stats.t.sf(abs(t), freedom))


def _observed(inputs: ScoringInputs) -> NDArray[np.float64]:
    try:
        return observed(inputs.dataset)
    except DataError as error:
        raise MetricUndefinedError(f"the observed concepts cannot be tested: {error}") from error


def _standardised(values: NDArray[np.float64], names: list[str]) -> NDArray[np.float64]:
    constant = [
        name for name, spread in zip(names, np.ptp(values, axis=0), strict=True) if not spread
    ]
    if constant:
        raise MetricUndefinedError(
            f"{', '.join(constant)} cannot be tested: all of the {len(values)} images have the "
            "same value; use more rows"
        )
    return standardised(values)


def _among(adjacency: NDArray[np.float64]) -> nx.DiGraph:
    return nx.from_numpy_array(adjacency != 0, create_using=nx.DiGraph)


def _columns(names: list[str]) -> list[str]:
    return [f"c{place}" for place in range(len(names))]
