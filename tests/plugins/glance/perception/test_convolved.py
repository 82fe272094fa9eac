from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from causalxai_glance.perception import ConvolvedScore
from causalxai_glance.perception.convolved import Pair, climb, complete_graphs, is_acyclic

Values = NDArray[np.float64]


def chain(n: int, error: float, draws: int) -> tuple[Values, Values]:
    """Return readings of a → b → c, all linear and normal, and draws of their errors."""
    rng = np.random.default_rng(2)
    a = rng.normal(size=n)
    b = a + 0.5 * rng.normal(size=n)
    c = b + 0.3 * rng.normal(size=n)
    readings = np.stack([a, b, c], axis=1) + error * rng.normal(size=(n, 3))
    return readings, error * rng.normal(size=(n, draws, 3))


def test_length_agrees_with_the_density_of_a_normal_distribution() -> None:
    """Linear and normal: readings are normal, of the concepts' covariance plus the errors'."""
    n, error = 1500, 0.3
    readings, errors = chain(n, error, 80)
    a, b, c = 1.0, 1.25, 1.34
    truth = np.array([[a, a, a], [a, b, b], [a, b, c]]) + error**2 * np.eye(3)
    density = stats.multivariate_normal(np.zeros(3), truth).logpdf(readings).sum()
    constants = 0.5 * np.log(n) * (1 + 1 + 3 * (4 + 2 + 2) - 3)
    units = n * np.log(readings.std(axis=0)).sum()
    found = ConvolvedScore(readings, errors)(frozenset([(0, 1), (1, 2)]))
    assert found - constants + units == pytest.approx(-density, abs=20)


def test_errors_that_are_known_do_not_make_an_edge() -> None:
    """b, read badly, does not screen a off from c; whoever knows how badly needs no a → c."""
    readings, errors = chain(1500, 0.35, 60)
    true, more = frozenset([(0, 1), (1, 2)]), frozenset([(0, 1), (1, 2), (0, 2)])
    convolved = ConvolvedScore(readings, errors)
    assert convolved(true) < convolved(more)
    plain = ConvolvedScore(readings, np.zeros((1500, 1, 3)))
    assert plain(more) < plain(true) - 10


def test_climbing_ends_in_a_graph_that_has_no_better_neighbour() -> None:
    truth = frozenset([(0, 1), (2, 1)])

    def distance(edges: frozenset[Pair]) -> float:
        return float(len(edges ^ truth))

    assert climb(range(3), distance, []) == truth
    assert climb(range(3), distance, [(1, 0), (1, 2)]) == truth
    assert climb(range(2), distance, []) == {(0, 1)}
    held = climb(range(3), distance, [(1, 0)], required=[(1, 0)], forbidden=[(2, 1)])
    assert held == {(1, 0)}


def test_complete_graphs_have_every_edge_that_may_be() -> None:
    everything = complete_graphs(range(3))
    assert len(everything) == 6
    assert all(len(edges) == 3 for edges in everything)
    held = complete_graphs(range(3), required=[(1, 0)], forbidden=[(2, 1)])
    assert held
    assert all((1, 0) in edges and (2, 1) not in edges for edges in held)


@given(st.frozensets(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=10))
def test_cycles_are_those_that_networkx_finds(edges: frozenset[Pair]) -> None:
    assert is_acyclic(edges) == nx.is_directed_acyclic_graph(nx.DiGraph(list(edges)))
