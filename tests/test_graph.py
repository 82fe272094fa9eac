from __future__ import annotations

import json
import math
from itertools import combinations
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai import CausalGraph, Edge

# What XML cannot hold (control characters, surrogates, noncharacters) no GraphML can.
ALPHABET = st.characters(exclude_categories=["Cc", "Cn", "Cs"]) | st.sampled_from("\n\t")
AWKWARD = st.sampled_from([
    "", " ", "1", "1.5", "a b", "conv2[3,1]", "layer:0", 'say "x"', "it's", "a -> b", "a;b", "{}",
    "graph", "node", "edge", "digraph", "strict", "name", "id", "key", "label", "\\N", "end\\",
    "ü→日本", "<b>&amp;", "# no comment", "/* none */", "// none", "two\nlines", "$x_{$",
])  # fmt: skip
NAMES = AWKWARD | st.text(ALPHABET, max_size=8)
META = NAMES.filter(lambda name: name != "id")
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
RESERVED = ("source", "target", "weight", "p", "frequency", "low", "high", "extra")


@st.composite
def graphs(draw: st.DrawFn) -> CausalGraph:
    """Any graph, edges in any direction along the order of the nodes."""
    nodes = draw(st.lists(NAMES, unique=True, max_size=6))
    order = draw(st.permutations(nodes))
    pairs = list(combinations(order, 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    maybe = st.none() | NUMBERS
    extras = st.dictionaries(NAMES.filter(lambda name: name not in RESERVED), NUMBERS, max_size=3)
    edges = [
        Edge(a, b, *(draw(maybe) for _ in range(5)), extra=draw(extras))  # type: ignore[misc]
        for a, b in chosen
    ]
    tiers = draw(st.dictionaries(st.sampled_from(nodes), st.integers(-9, 9))) if nodes else {}
    values = NAMES | NUMBERS | st.integers(-(2**53), 2**53)
    return CausalGraph(nodes, edges, tiers=tiers, meta=draw(st.dictionaries(META, values)))


@st.composite
def weighted(draw: st.DrawFn) -> CausalGraph:
    """A graph over plain names, all its weights known and none of them zero."""
    order = draw(st.permutations("abcdef"))
    pairs = draw(st.lists(st.sampled_from(list(combinations(order, 2))), unique=True))
    weights = st.floats(-9, 9).filter(bool)
    return CausalGraph("abcdef", [Edge(a, b, weight=draw(weights)) for a, b in pairs])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@given(graph=graphs())
@pytest.mark.parametrize("suffix", ["graphml", "dot", "json"])
def test_files_keep_everything(graph: CausalGraph, suffix: str, folder: Path):
    path = folder / f"graph.{suffix}"
    graph.save(path)
    loaded = CausalGraph.load(path)
    assert loaded == graph
    assert loaded.nodes == graph.nodes
    assert loaded.edges == graph.edges


@given(graph=graphs())
def test_json_and_networkx_keep_everything(graph: CausalGraph):
    for copy in (
        CausalGraph.from_json(json.loads(json.dumps(graph.to_json()))),
        CausalGraph.from_networkx(graph.to_networkx()),
    ):
        assert copy == graph
        assert copy.nodes == graph.nodes


def test_other_readers_see_the_same_directions(folder: Path):
    graph = CausalGraph(["b", "a", "c"], [Edge("a", "b", -2.0), ("a", "c")])
    graph.save(folder / "other.graphml")
    graph.save(folder / "other.json")
    data = json.loads((folder / "other.json").read_text())
    for read in (
        nx.read_graphml(folder / "other.graphml"),
        nx.node_link_graph(data, edges="edges"),
    ):
        assert set(read.edges) == {("a", "b"), ("a", "c")}
        assert read.edges["a", "b"]["weight"] == -2.0


def from_dot(text: str, folder: Path) -> CausalGraph:
    (folder / "by_hand.dot").write_text(text, encoding="utf-8")
    return CausalGraph.load(folder / "by_hand.dot")


@pytest.mark.parametrize(
    "statement",
    [
        "node [shape=box]; edge [color=red, weight=9];",
        'a [label=hi, shape=box]; b [label=<<b>x</b>>, tooltip="line\\l"];',
        'a -> b [label=hi, color="#ff0000", constraint=false, style=null, pos="[1, 2]"];',
    ],
    ids=["defaults", "node attributes", "edge attributes"],
)
def test_dot_that_people_write_is_read(statement: str, folder: Path):
    graph = from_dot(f"digraph {{ {statement} a -> b [weight=2]; }}", folder)
    assert graph == CausalGraph("ab", [Edge("a", "b", 2.0)])


def test_texts_of_dot_need_no_quotes(folder: Path):
    graph = from_dot('digraph { graph [rankdir=LR, n=3, size="[1]"]; a -> b; }', folder)
    assert graph == CausalGraph("ab", [("a", "b")], meta={"rankdir": "LR", "n": 3, "size": "[1]"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("digraph { a -> {b c} }", "joins two nodes, not subgraphs"),
        ("digraph { {a b} -> c }", "joins two nodes, not subgraphs"),
        ("digraph { subgraph cluster_x { a -> b } c -> a }", "subgraphs are not read"),
        ("graph { a -- b }", "not directed"),
        ("digraph { a -> b [weight=much] }", "much"),
    ],
)
def test_dot_that_means_something_else_is_refused(text: str, message: str, folder: Path):
    with pytest.raises(ValueError, match=message):
        from_dot(text, folder)


def test_changing_the_json_leaves_the_graph():
    graph = CausalGraph("ab", [Edge("a", "b", 1.0)], tiers={"a": 0}, meta={"n": 1})
    data = graph.to_json()
    data["graph"]["n"] = 2
    data["nodes"][0]["tier"] = 9
    data["edges"][0]["weight"] = 9
    assert graph == CausalGraph("ab", [Edge("a", "b", 1.0)], tiers={"a": 0}, meta={"n": 1})


def test_an_unknown_ending_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"g\.png: a graph is stored as one of \.graphml, \.dot"):
        CausalGraph(["a"]).save(tmp_path / "g.png")


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


@given(graph=graphs())
def test_order_has_causes_first_and_ties_in_the_nodes_order(graph: CausalGraph):
    assert list(graph.order()) == plain_order(graph)


@given(graph=graphs())
def test_parents_children_and_edges_say_the_same(graph: CausalGraph):
    ends = {(edge.source, edge.target) for edge in graph.edges}
    assert {(parent, node) for node in graph.nodes for parent in graph.parents(node)} == ends
    assert {(node, child) for node in graph.nodes for child in graph.children(node)} == ends
    assert all(graph.edge(edge.source, edge.target) == edge for edge in graph.edges)


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ("aba", [], "node 'a' stands twice"),
        ("ab", [("a", "z")], "'z' is no node of the graph"),
        ("ab", [("z", "a")], "'z' is no node of the graph"),
        ("ab", [("a", "b"), Edge("a", "b", 1.0)], "edge 'a' → 'b' stands twice"),
        ("a", [("a", "a")], "no cycle, this one has a"),
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
    with pytest.raises(ValueError, match="'z' is no node"):
        graph.parents("z")
    with pytest.raises(ValueError, match="'z' is no node"):
        CausalGraph("ab", tiers={"z": 1})
    with pytest.raises(KeyError, match="no edge 'b' → 'a'"):
        graph.edge("b", "a")


@pytest.mark.parametrize("name", RESERVED)
def test_an_extra_cannot_hide_a_field(name: str):
    with pytest.raises(ValueError, match=f"fields of their own called {name}"):
        Edge("a", "b", extra={name: 1.0})


def test_meta_is_data_and_no_option_of_networkx():
    meta = {"backend": "torch", "incoming_graph_data": 1.0}
    assert CausalGraph("ab", [("a", "b")], meta=meta).meta == meta


@pytest.mark.parametrize("name", ["id", "node_default", "edge_default"])
def test_meta_that_graphml_would_lose_is_refused(name: str):
    with pytest.raises(ValueError, match=f"meta cannot have '{name}'"):
        CausalGraph("ab", meta={name: 1.0})


@pytest.mark.parametrize(
    "other",
    [
        CausalGraph("abc", [("a", "b")]),
        CausalGraph("ab", [("b", "a")]),
        CausalGraph("ab", [Edge("a", "b", 1.0)]),
        CausalGraph("ab", [Edge("a", "b", extra={"x": 1.0})]),
        CausalGraph("ab", [("a", "b")], tiers={"a": 0}),
        CausalGraph("ab", [("a", "b")], meta={"n": 1}),
    ],
    ids=["nodes", "direction", "weight", "extra", "tiers", "meta"],
)
def test_graphs_that_differ_are_not_equal(other: CausalGraph):
    assert other != CausalGraph("ab", [("a", "b")])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_edge_is_finite(value: float):
    with pytest.raises(ValueError, match="'a' → 'b': weight must be finite"):
        Edge("a", "b", weight=value)
