from __future__ import annotations

from collections.abc import Sequence

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from causalxai_glance.perception.climbing import climb, complete_graphs, is_acyclic
from causalxai_glance.scm import Pair


def test_climbing_ends_in_a_graph_that_has_no_better_neighbour() -> None:
    truth = frozenset([(0, 1), (2, 1)])

    def distance(edges: frozenset[Pair]) -> float:
        return float(len(edges ^ truth))

    assert climb(range(3), distance, []) == truth
    assert climb(range(3), distance, [(1, 0), (1, 2)]) == truth
    assert climb(range(2), distance, []) == {(0, 1)}
    held = climb(range(3), distance, [(1, 0)], required=[(1, 0)], forbidden=[(2, 1)])
    assert held == {(1, 0)}


def test_the_first_better_one_of_the_contenders_is_taken() -> None:
    truth = frozenset([(0, 1), (2, 1)])
    asked = []

    def distance(edges: frozenset[Pair]) -> float:
        asked.append(edges)
        return float(len(edges ^ truth))

    def contenders(
        best: frozenset[Pair], rivals: Sequence[frozenset[Pair]]
    ) -> list[frozenset[Pair]]:
        return sorted((own for own in rivals if len(own) > len(best)), key=sorted)

    assert climb(range(3), distance, [], contenders=contenders) == truth
    assert frozenset([(0, 2)]) not in asked


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
