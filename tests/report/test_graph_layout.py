from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai import CausalGraph, Edge, EdgeKind
from causalxai.report.graph_layout import LINES, SAID, layers_of, layout_of, legend

PAIRS = [(a, b) for a in "abcd" for b in "abcd" if a < b]


def test_other_edges_lead_to_the_right_where_no_cycle_closes():
    chain = [Edge("b", "a", EdgeKind.UNDIRECTED), Edge("b", "c", EdgeKind.BIDIRECTED)]
    assert layers_of(CausalGraph("abc", chain)) == {"a": 1, "b": 0, "c": 1}
    against = [("a", "b"), ("b", "c"), Edge("c", "a", EdgeKind.UNDIRECTED)]
    assert layers_of(CausalGraph("abc", against)) == {"a": 0, "b": 1, "c": 2}


@given(
    st.lists(st.sampled_from(PAIRS), unique=True),
    st.lists(st.sampled_from(list(EdgeKind)), min_size=6, max_size=6),
)
def test_no_edge_joins_two_nodes_of_one_column(pairs, kinds):
    graph = CausalGraph("abcd", [Edge(*pair, kind) for pair, kind in zip(pairs, kinds)])  # noqa: B905
    depth = layers_of(graph)
    assert all(depth[edge.source] != depth[edge.target] for edge in graph.edges)


@pytest.mark.parametrize("kind", list(EdgeKind))
def test_every_mark_looks_and_reads_differently(kind: EdgeKind):
    assert [other for other in EdgeKind if LINES[other] == LINES[kind]] == [kind]
    assert [other for other in EdgeKind if SAID[other] == SAID[kind]] == [kind]
    said = legend(CausalGraph("ab", [Edge("a", "b", kind)]))
    assert bool(said) == (kind is not EdgeKind.DIRECTED)


def test_a_node_is_as_deep_as_its_longest_path():
    graph = CausalGraph("dcba", [("a", "b"), ("b", "c"), ("a", "c")])
    assert layers_of(graph) == {"d": 0, "c": 2, "b": 1, "a": 0}


def test_within_a_tier_the_longest_path_decides():
    tiers = {"a": 0, "b": 0, "answer": 1, "c": 0}
    graph = CausalGraph(tiers, [("a", "b"), ("a", "answer")], tiers=tiers)
    assert layers_of(graph) == {"a": 0, "b": 1, "answer": 2, "c": 0}


def test_tiers_of_some_nodes_alone_are_not_used():
    assert layers_of(CausalGraph("ab", [("a", "b")], tiers={"a": 5})) == {"a": 0, "b": 1}


def test_the_truth_comes_first():
    truth = CausalGraph("xab", [("a", "b"), ("x", "a")])
    graph = CausalGraph("abc", [("b", "a"), ("b", "c")])
    assert layers_of(graph, truth) == {"x": 0, "a": 1, "b": 2, "c": 3}


def test_columns_are_evenly_filled():
    layout = layout_of({"a": 0, "b": 3, "c": 3, "d": 1}, "abc")
    assert (layout.columns, layout.rows) == (2, 2)
    assert layout.places == {"a": (0, 1), "b": (1, 1.5), "c": (1, 0.5)}
    assert layout_of({}, "").columns == 1


def test_the_legend_explains_the_lines_that_there_are():
    assert legend(CausalGraph("ab", [("a", "b")])) == ""
    both = [Edge("a", "b", EdgeKind.UNDIRECTED), Edge("b", "c", EdgeKind.BIDIRECTED)]
    said = legend(CausalGraph("abc", both))
    assert said.startswith(" Dashed without a head")
    assert "two heads" in said and "dotted" not in said
