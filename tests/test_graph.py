from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai import CausalGraph, Edge, EdgeKind, Node, NodeKind

KINDS = st.sampled_from(list(EdgeKind))


@st.composite
def mixed(draw: st.DrawFn) -> CausalGraph:
    """A graph with edges of every kind, directed ones along an order."""
    pairs = list(combinations(draw(st.permutations("abcdef")), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True))
    return CausalGraph("abcdef", [Edge(*pair, draw(KINDS)) for pair in chosen])


@st.composite
def weighted(draw: st.DrawFn) -> CausalGraph:
    """A graph over plain names, all its weights known and none of them zero."""
    order = draw(st.permutations("abcdef"))
    pairs = draw(st.lists(st.sampled_from(list(combinations(order, 2))), unique=True))
    weights = st.floats(-9, 9).filter(bool)
    return CausalGraph("abcdef", [Edge(a, b, weight=draw(weights)) for a, b in pairs])


MIXED = CausalGraph(
    [Node("a", tier=0), "b", "c", "d", Node("class 3", NodeKind.CLASS, label="3", tier=1)],
    [
        Edge("a", "b", weight=0.5),
        Edge("c", "b", EdgeKind.UNDIRECTED),
        Edge("c", "d", EdgeKind.BIDIRECTED),
        Edge("d", "a", EdgeKind.PARTIALLY_DIRECTED),
        Edge("a", "class 3"),
    ],
)


def test_nodes_have_kinds_labels_and_tiers():
    assert MIXED.nodes == ("a", "b", "c", "d", "class 3")
    assert MIXED.of_kind(NodeKind.CLASS) == (Node("class 3", NodeKind.CLASS, label="3", tier=1),)
    assert (MIXED.node("class 3").title, MIXED.node("a").title) == ("3", "a")
    assert MIXED.tiers == {"a": 0, "class 3": 1}
    assert CausalGraph("ab", tiers={"b": 2}).node("b") == Node("b", tier=2)


def test_edges_are_found_by_kind_and_by_their_ends():
    assert [str(edge) for edge in MIXED.edges] == [
        "a → b", "a → class 3", "c — b", "c ↔ d", "d o→ a",
    ]  # fmt: skip
    assert [str(edge) for edge in MIXED.directed_edges] == ["a → b", "a → class 3"]
    assert [str(edge) for edge in MIXED.edges_of(EdgeKind.BIDIRECTED)] == ["c ↔ d"]
    assert MIXED.edge("b", "c") == MIXED.edge("c", "b") == Edge("c", "b", EdgeKind.UNDIRECTED)
    assert MIXED.between("b", "a") == MIXED.edge("a", "b")
    assert MIXED.between("b", "d") is None
    for ends in (("b", "a"), ("a", "d"), ("b", "d")):
        with pytest.raises(KeyError, match="no edge"):
            MIXED.edge(*ends)


def test_causes_are_read_from_directed_edges_alone():
    assert (MIXED.parents("b"), MIXED.children("a")) == (("a",), ("b", "class 3"))
    assert (MIXED.parents("a"), MIXED.children("c")) == ((), ())
    assert (MIXED.neighbours("b"), MIXED.neighbours("c")) == (("c",), ("b",))
    assert (MIXED.siblings("d"), MIXED.siblings("a")) == (("c",), ())
    assert [MIXED.has_edge(*ends) for ends in ("ab", "ba", "cb", "bc", "cd", "da")] == [
        True, False, False, False, False, False,
    ]  # fmt: skip
    assert np.argwhere(MIXED.adjacency()).tolist() == [[0, 1], [0, 4]]


def test_a_part_of_a_graph_keeps_its_nodes_and_edges():
    part = MIXED.among(["c", "b", "a"])
    assert part.nodes == ("c", "b", "a")
    assert part.edges == (MIXED.edge("c", "b"), MIXED.edge("a", "b"))
    assert part.tiers == {"a": 0}


def test_changing_the_json_leaves_the_graph():
    def build() -> CausalGraph:
        edge = Edge("a", "b", weight=1.0, annotations={"seen": [1]})
        return CausalGraph([Node("a", annotations={"r2": [1]}), "b"], [edge], annotations={"n": []})

    graph = build()
    data = graph.to_json()
    data["graph"]["annotations"]["n"].append(2)
    data["nodes"][0]["annotations"]["r2"].append(2)
    data["edges"][0]["annotations"]["seen"].append(2)
    graph.annotations["n"] = 3
    assert graph == build()


@given(graph=weighted())
def test_adjacency_has_sources_in_rows(graph: CausalGraph):
    matrix = graph.adjacency()
    for i, source in enumerate(graph.nodes):
        for j, target in enumerate(graph.nodes):
            assert (matrix[i, j] != 0) == graph.has_edge(source, target)
    expected = nx.to_numpy_array(graph.to_networkx(), nodelist=graph.nodes)
    assert np.array_equal(matrix, expected)


def test_no_edge_is_lost_in_the_adjacency():
    graph = CausalGraph("abc", [("a", "b"), Edge("b", "c", weight=0.0)])
    assert graph.adjacency().tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


@given(graph=weighted())
def test_causal_learn_agrees_on_the_direction(graph: CausalGraph):
    general = pytest.importorskip("causallearn.graph.GeneralGraph")
    node = pytest.importorskip("causallearn.graph.GraphNode")
    theirs = general.GeneralGraph([node.GraphNode(name) for name in graph.nodes])
    for edge in graph.edges:
        theirs.add_directed_edge(theirs.get_node(edge.source), theirs.get_node(edge.target))
    # Theirs: graph[j, i] = 1 and graph[i, j] = -1 for i -> j.
    assert np.array_equal(theirs.graph.T == 1, graph.adjacency() != 0)
    assert np.array_equal(theirs.graph == -1, graph.adjacency() != 0)


@given(graph=weighted())
def test_from_adjacency_undoes_adjacency(graph: CausalGraph):
    assert CausalGraph.from_adjacency(graph.adjacency(), graph.nodes) == graph


@given(graph=weighted(), data=st.data())
def test_permuted_nodes_permute_the_adjacency(graph: CausalGraph, data: st.DataObject):
    rows = data.draw(st.permutations(range(6)))
    names = [graph.nodes[row] for row in rows]
    permuted = CausalGraph(names, graph.edges)
    assert permuted == graph
    for matrix in (permuted.adjacency(), graph.adjacency(names)):
        assert np.array_equal(matrix, graph.adjacency()[np.ix_(rows, rows)])


def plain_order(graph: CausalGraph) -> list[str]:
    """Take the first node, in order, whose parents are all taken; again and again."""
    taken: list[str] = []
    while len(taken) < len(graph.nodes):
        left = [node for node in graph.nodes if node not in taken]
        taken.append(next(n for n in left if set(graph.parents(n)) <= set(taken)))
    return taken


@given(graph=mixed())
def test_order_has_causes_first_and_ties_in_the_nodes_order(graph: CausalGraph):
    assert list(graph.order()) == plain_order(graph)


@given(graph=mixed())
def test_parents_children_and_edges_say_the_same(graph: CausalGraph):
    ends = {(edge.source, edge.target) for edge in graph.directed_edges}
    assert {(parent, node) for node in graph.nodes for parent in graph.parents(node)} == ends
    assert {(node, child) for node in graph.nodes for child in graph.children(node)} == ends
    for kind, joined in (
        (EdgeKind.UNDIRECTED, graph.neighbours),
        (EdgeKind.BIDIRECTED, graph.siblings),
    ):
        pairs = {frozenset((node, other)) for node in graph.nodes for other in joined(node)}
        assert pairs == {edge.pair for edge in graph.edges_of(kind)}
    assert all(graph.edge(edge.source, edge.target) == edge for edge in graph.edges)


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ("aba", [], "two nodes with the name 'a'"),
        ("ab", [("a", "z")], "'z' is not a node of the graph"),
        ("ab", [("z", "a")], "'z' is not a node of the graph"),
        ("ab", [("a", "b"), Edge("a", "b", weight=1.0)], "edges a → b and a → b join the same"),
        ("ab", [("a", "b"), ("b", "a")], "no cycles, but this one has a → b and b → a"),
        ("ab", [("a", "b"), Edge("b", "a", EdgeKind.UNDIRECTED)], "a → b and b — a join the same"),
    ],
)
def test_what_is_no_graph_is_refused(nodes: str, edges: list[tuple[str, str]], message: str):
    with pytest.raises(ValueError, match=message):
        CausalGraph(nodes, edges)


def test_a_cycle_is_refused_by_the_names_in_it():
    with pytest.raises(ValueError, match="no cycle") as raised:
        CausalGraph("abcde", [("e", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])
    told = str(raised.value).partition("this one has ")[2]
    assert sorted(told.split(" → ")) == ["a", "b", "c"]


def test_questions_about_unknown_names_are_refused():
    graph = CausalGraph("ab", [("a", "b")])
    with pytest.raises(ValueError, match="'z' is not a node"):
        graph.parents("z")
    with pytest.raises(ValueError, match="'z' is not a node"):
        CausalGraph("ab", tiers={"z": 1})
    with pytest.raises(KeyError, match="no edge 'b' → 'a'"):
        graph.edge("b", "a")


@given(graph=mixed())
def test_edges_without_a_direction_make_no_cycle(graph: CausalGraph):
    rest = [edge for edge in graph.edges if not edge.directed]
    ring = [Edge(a, b, EdgeKind.UNDIRECTED) for a, b in zip("abcdef", "bcdefa", strict=True)]
    assert len(CausalGraph("abcdef", ring).edges) == 6
    assert CausalGraph("abcdef", rest).order() == tuple("abcdef")


def test_annotations_are_data_and_no_option_of_networkx():
    own = {"backend": "torch", "incoming_graph_data": 1.0, "id": "x", "edge_default": None}
    assert CausalGraph("ab", [("a", "b")], annotations=own).annotations == own


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CausalGraph("a", annotations={"x": object()}), "a graph.'x'. is a object"),
        (lambda: CausalGraph.from_json({"nodes": []}), "needs 'nodes' and 'edges', and has"),
    ],
)
def test_what_is_no_json_is_refused(build: Callable[[], object], message: str):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    "other",
    [
        CausalGraph("abc", [("a", "b")]),
        CausalGraph("ab", [("b", "a")]),
        CausalGraph("ab", [Edge("a", "b", EdgeKind.UNDIRECTED)]),
        CausalGraph("ab", [Edge("a", "b", weight=1.0)]),
        CausalGraph("ab", [Edge("a", "b", annotations={"x": 1.0})]),
        CausalGraph("ab", [("a", "b")], tiers={"a": 0}),
        CausalGraph("ab", [("a", "b")], annotations={"n": 1}),
        CausalGraph([Node("a", NodeKind.CLASS), "b"], [("a", "b")]),
        CausalGraph([Node("a", label="A"), "b"], [("a", "b")]),
    ],
    ids=["nodes", "direction", "mark", "weight", "annotation", "tiers", "graph", "kind", "label"],
)
def test_graphs_that_differ_are_not_equal(other: CausalGraph):
    assert other != CausalGraph("ab", [("a", "b")])


@pytest.mark.parametrize("kind", list(EdgeKind))
def test_which_end_comes_first_counts_where_the_marks_differ(kind: EdgeKind):
    one, other = (CausalGraph("ab", [Edge(*ends, kind)]) for ends in ("ab", "ba"))
    assert (one == other) == kind.symmetric


def test_an_undirected_networkx_graph_has_undirected_edges():
    assert CausalGraph.from_networkx(nx.Graph([("a", "b")])) == CausalGraph(
        "ab", [Edge("a", "b", EdgeKind.UNDIRECTED)]
    )
    assert CausalGraph.from_networkx(nx.DiGraph([(1, 2)])) == CausalGraph("12", [("1", "2")])
