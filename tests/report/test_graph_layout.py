from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai import CausalGraph, Edge, EdgeKind
from causalxai.report.graph_layout import LINES, SAID, depths, legend

PAIRS = [(a, b) for a in "abcd" for b in "abcd" if a < b]


def test_causes_stand_left_of_their_effects():
    graph = CausalGraph("dcba", [("a", "b"), ("b", "c"), ("a", "c")])
    assert depths(graph) == {"d": 0, "c": 2, "b": 1, "a": 0}


def test_other_edges_lead_to_the_right_where_no_cycle_closes():
    chain = [Edge("b", "a", EdgeKind.UNDIRECTED), Edge("b", "c", EdgeKind.BIDIRECTED)]
    assert depths(CausalGraph("abc", chain)) == {"a": 1, "b": 0, "c": 1}
    against = [("a", "b"), ("b", "c"), Edge("c", "a", EdgeKind.UNDIRECTED)]
    assert depths(CausalGraph("abc", against)) == {"a": 0, "b": 1, "c": 2}


@given(
    st.lists(st.sampled_from(PAIRS), unique=True),
    st.lists(st.sampled_from(list(EdgeKind)), min_size=6, max_size=6),
)
def test_no_edge_joins_two_nodes_of_one_column(pairs, kinds):
    graph = CausalGraph("abcd", [Edge(*pair, kind) for pair, kind in zip(pairs, kinds)])  # noqa: B905
    depth = depths(graph)
    assert all(depth[edge.source] != depth[edge.target] for edge in graph.edges)


@pytest.mark.parametrize("kind", list(EdgeKind))
def test_every_mark_looks_and_reads_differently(kind: EdgeKind):
    assert [other for other in EdgeKind if LINES[other] == LINES[kind]] == [kind]
    assert [other for other in EdgeKind if SAID[other] == SAID[kind]] == [kind]
    said = legend(CausalGraph("ab", [Edge("a", "b", kind)]))
    assert bool(said) == (kind is not EdgeKind.DIRECTED)
