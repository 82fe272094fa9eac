from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai import CausalGraph, Edge, EdgeKind, Node, NodeKind

# What XML cannot hold (control characters, surrogates, noncharacters) no GraphML can.
ALPHABET = st.characters(exclude_categories=["Cc", "Cn", "Cs"]) | st.sampled_from("\n\t")
AWKWARD = st.sampled_from([
    "", " ", "1", "1.5", "a b", "conv2[3,1]", "layer:0", 'say "x"', "it's", "a -> b", "a;b", "{}",
    "graph", "node", "edge", "digraph", "strict", "name", "id", "key", "label", "\\N", "end\\",
    "ü→日本", "<b>&amp;", "# no comment", "/* none */", "// none", "two\nlines", "$x_{$",
    "a — b; c", "a ↔ b", "class 3", "<->", "--", "a:b:c", '"', "source", "annotations",
])  # fmt: skip
NAMES = AWKWARD | st.text(ALPHABET, max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | st.integers() | NUMBERS | st.text(max_size=8) | NAMES
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ANNOTATIONS = st.dictionaries(NAMES, JSON, max_size=3)
MARKS = list(EdgeKind)


@st.composite
def graphs(draw: st.DrawFn) -> CausalGraph:
    """Any graph, edges of every kind, directed ones along an order of the nodes."""
    names = draw(st.lists(NAMES, unique=True, max_size=6))
    nodes = [
        Node(
            name,
            draw(st.sampled_from(list(NodeKind))),
            label=draw(st.just("") | NAMES.filter(lambda label, name=name: label != name)),
            tier=draw(st.none() | st.integers(-9, 9)),
            annotations=draw(ANNOTATIONS),
        )
        for name in names
    ]
    pairs = list(combinations(draw(st.permutations(names)), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    figures = ("weight", "p", "frequency", "low", "high")
    edges = [
        Edge(
            *(pair if kind is EdgeKind.DIRECTED else draw(st.permutations(pair))),
            kind,
            **{name: draw(st.none() | NUMBERS) for name in figures},
            annotations=draw(ANNOTATIONS),
        )
        for pair in chosen
        for kind in [draw(st.sampled_from(MARKS))]
    ]
    return CausalGraph(nodes, edges, annotations=draw(ANNOTATIONS))


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
        assert copy.edges == graph.edges


def test_other_readers_see_the_same_directions(folder: Path):
    graph = CausalGraph(["b", "a", "c"], [Edge("a", "b", weight=-2.0), ("a", "c")])
    graph.save(folder / "other.graphml")
    graph.save(folder / "other.json")
    data = json.loads((folder / "other.json").read_text())
    for read in (
        nx.read_graphml(folder / "other.graphml"),
        nx.node_link_graph(data, edges="edges"),
    ):
        assert set(read.edges) == {("a", "b"), ("a", "c")}
        assert read.edges["a", "b"]["weight"] == -2.0


@pytest.mark.parametrize(
    ("said", "kind"),
    [({}, "directed"), ({"directed": True}, "directed"), ({"directed": False}, "undirected")],
)
def test_node_link_json_of_other_programs(said: dict[str, bool], kind: str, folder: Path):
    nodes, edges = [{"id": 1}, {"id": "b"}], [{"source": "b", "target": 1, "gain": 0.5}]
    (folder / "bare.json").write_text(json.dumps({"nodes": nodes, "edges": edges, **said}))
    graph = CausalGraph.load(folder / "bare.json")
    assert graph == CausalGraph(
        ["1", "b"], [Edge("b", "1", EdgeKind(kind), annotations={"gain": 0.5})]
    )


@pytest.mark.parametrize("name", ["bell\a", "carriage\r", "\x00"])
def test_names_that_xml_cannot_hold_are_kept_by_json_and_dot(name: str, folder: Path):
    graph = CausalGraph([name])
    for suffix in ("json", "dot"):
        graph.save(folder / f"odd.{suffix}")
        assert CausalGraph.load(folder / f"odd.{suffix}") == graph
    with pytest.raises(ValueError, match="a character that GraphML cannot store"):
        graph.save(folder / "odd.graphml")


def test_an_unknown_ending_is_refused(tmp_path: Path):
    with pytest.raises(
        ValueError, match=r"g\.png: the suffix of a graph must be one of \.graphml, \.dot"
    ):
        CausalGraph(["a"]).save(tmp_path / "g.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"nodes": []}', "needs 'nodes' and 'edges', and has 'nodes'"),
        ('{"nodes": [], "edges": [], "links": []}', "has 'nodes' and 'edges' and 'links'"),
        ("[]", "must be an object, not a list"),
        ('{"nodes": ["a"], "edges": []}', "'a' is not an object"),
        ('{"nodes": {"a": {}}, "edges": []}', "must be lists"),
        ('{"nodes": [{"name": "a"}], "edges": []}', "'id' must be a text or a number, not None"),
        ('{"nodes": [{"id": true}], "edges": []}', "'id' must be a text or a number, not True"),
        ('{"nodes": [{"id": 1}, {"id": "1"}], "edges": []}', "two nodes with the name '1'"),
        ('{"nodes": [], "edges": [{"source": "a", "target": "b"}]}', "'a' is not a node"),
        ('{"directed": "false", "nodes": [], "edges": []}', "true or false, not 'false'"),
        ('{"directed": null, "nodes": [], "edges": []}', "true or false, not None"),
        ('{"nodes": [], "edges": [], "edges": []}', "the key 'edges' is repeated"),
        ('{"nodes": [{"id": "a", "tier": "top"}], "edges": []}', "tier must be a number"),
        ('{"nodes": [], "edges": [], "graph": [1]}', "'graph' must be an object"),
        ('{"nodes": [], "edges": [], "graph": {"annotations": 3}}', "annotations must be"),
        ("[" * 100_000, "recursion"),
        ("", "Expecting value"),
    ],
)
def test_json_that_is_no_graph_is_refused(text: str, message: str, tmp_path: Path):
    (tmp_path / "g.json").write_text(text)
    with pytest.raises(ValueError, match=f"g.json: cannot be read as a causal graph: .*{message}"):
        CausalGraph.load(tmp_path / "g.json")


NODES = [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize(
    ("said", "attributes", "edge"),
    [
        ({}, {}, Edge("b", "a")),
        ({"directed": False}, {}, Edge("b", "a", EdgeKind.UNDIRECTED)),
        ({"directed": True}, {"directed": False}, Edge("b", "a", EdgeKind.UNDIRECTED)),
        ({"directed": False}, {"directed": True}, Edge("b", "a")),
        ({}, {"dir": "back"}, Edge("a", "b")),
        ({}, {"dir": '"both"'}, Edge("b", "a", EdgeKind.BIDIRECTED)),
        ({"multigraph": True}, {"key": 0}, Edge("b", "a")),
        ({}, {"type": "<->"}, Edge("b", "a", EdgeKind.BIDIRECTED)),
    ],
)
@pytest.mark.parametrize("name", ["edges", "links"])
def test_node_link_json_has_the_direction_that_it_says(
    said: dict[str, bool], attributes: dict[str, object], edge: Edge, name: str, tmp_path: Path
):
    entry = {"source": "b", "target": "a", **attributes}
    (tmp_path / "g.json").write_text(json.dumps({"nodes": NODES, name: [entry], **said}))
    assert CausalGraph.load(tmp_path / "g.json").edges == (edge,)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([("a", "b"), ("a", "b")], "join the same nodes"),
        ([("a", "b"), ("b", "a")], "no cycles"),
        ([("a", "a")], "joins a node to itself"),
    ],
)
def test_networkx_graphs_that_are_not_causal_are_refused(
    edges: list[tuple[str, str]], message: str
):
    with pytest.raises(ValueError, match=message):
        CausalGraph.from_networkx(nx.MultiDiGraph(edges))


def test_a_direction_that_networkx_has_lost_is_not_invented():
    undirected = CausalGraph("ab", [("b", "a")]).to_networkx().to_undirected()
    with pytest.raises(ValueError, match="kind says directed, but the edges of the file have no"):
        CausalGraph.from_networkx(undirected)


@pytest.mark.parametrize("suffix", ["graphml", "dot", "json"])
def test_a_folder_or_another_encoding_is_an_error_that_names_the_file(suffix: str, tmp_path: Path):
    path = tmp_path / f"g.{suffix}"
    path.mkdir()
    with pytest.raises(OSError, match=r"directory|denied"):
        CausalGraph.load(path)
    path.rmdir()
    path.write_bytes("digraph { ä -> b }".encode("latin-1"))
    with pytest.raises(ValueError, match=f"{path.name}: cannot be read as a causal graph"):
        CausalGraph.load(path)


def test_a_graph_that_cannot_be_written_leaves_no_file(tmp_path: Path):
    with pytest.raises(ValueError, match="surrogates"):
        CausalGraph(["\ud800"]).save(tmp_path / "g.dot")
    assert list(tmp_path.iterdir()) == []
