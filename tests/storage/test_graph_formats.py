from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

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


def test_graphml_tells_other_readers_which_edges_have_no_direction(folder: Path):
    edges = [Edge("a", "b"), Edge("b", "c", EdgeKind.UNDIRECTED), Edge("a", "c", MARKS[2])]
    CausalGraph("abc", edges).save(folder / "mixed.graphml")
    written = ElementTree.parse(folder / "mixed.graphml").getroot()
    assert {
        (edge.get("source"), edge.get("target")): edge.get("directed")
        for edge in written.iter("{http://graphml.graphdrawing.org/xmlns}edge")
    } == {("a", "b"): None, ("b", "c"): "false", ("a", "c"): "false"}


GRAPHML = (
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><key id="w" for="edge" '
    'attr.name="strength" attr.type="double"/><graph edgedefault="{default}"><node id="a"/>'
    '<node id="b"/><node id="c"/><edge id="0" source="b" target="a" {directed}>'
    '<data key="w">.5</data></edge><edge source="b" target="c"/></graph></graphml>'
)


@pytest.mark.parametrize(
    ("default", "directed", "kinds"),
    [
        ("directed", "", ["directed", "directed"]),
        ("undirected", "", ["undirected", "undirected"]),
        ("directed", 'directed="false"', ["undirected", "directed"]),
        ("undirected", 'directed="true"', ["directed", "undirected"]),
    ],
)
def test_graphml_of_other_programs(default: str, directed: str, kinds: list[str], folder: Path):
    path = folder / "other_program.graphml"
    path.write_text(GRAPHML.format(default=default, directed=directed))
    graph = CausalGraph.load(path)
    assert [(edge.source, edge.target) for edge in graph.edges] == [("b", "a"), ("b", "c")]
    assert [edge.kind for edge in graph.edges] == kinds
    assert graph.edge("b", "a").annotations == {"strength": 0.5}


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


def from_dot(text: str, folder: Path) -> CausalGraph:
    (folder / "by_hand.dot").write_text(text, encoding="utf-8")
    return CausalGraph.load(folder / "by_hand.dot")


@pytest.mark.parametrize(
    "statement",
    [
        "node [shape=box]; edge [color=red, weight=9];",
        'a [label="\\N", shape=box]; b [label=<<b>x</b>>, tooltip="line\\l"];',
        'a -> b [label=hi, color="#ff0000", constraint=false, style=null, pos="[1, 2]"];',
        'graph [rankdir=LR, n=3, size="[1]"]; ranksep=2; a:e -> b:w;',
    ],
    ids=["defaults", "node attributes", "edge attributes", "layout"],
)
def test_dot_that_people_write_is_read(statement: str, folder: Path):
    graph = from_dot(f"digraph {{ {statement} a -> b [weight=2]; }}", folder)
    assert graph == CausalGraph("ab", [Edge("a", "b", weight=2.0)])


@pytest.mark.parametrize(
    ("text", "edge"),
    [
        ("digraph { a -> b [dir=back] }", Edge("b", "a")),
        ("digraph { a -> b [dir=none] }", Edge("a", "b", EdgeKind.UNDIRECTED)),
        ("digraph { a -> b [dir=both] }", Edge("a", "b", EdgeKind.BIDIRECTED)),
        ("digraph { a -> b [arrowhead=vee] }", Edge("a", "b")),
        (
            "digraph { a -> b [dir=both, arrowtail=none, arrowhead=none] }",
            Edge("a", "b", EdgeKind.UNDIRECTED),
        ),
        (
            "digraph { a -> b [dir=both, arrowtail=normal, arrowhead=normal] }",
            Edge("a", "b", EdgeKind.BIDIRECTED),
        ),
        (
            "digraph { a -> b [dir=both, arrowtail=normal, arrowhead=odot] }",
            Edge("b", "a", EdgeKind.PARTIALLY_DIRECTED),
        ),
        (
            "digraph { edge [dir=both, arrowtail=odot]; a -> b [arrowhead=odot] }",
            Edge("a", "b", EdgeKind.UNORIENTED),
        ),
        ("graph { a -- b }", Edge("a", "b", EdgeKind.UNDIRECTED)),
        ("graph { a -- b [dir=forward] }", Edge("a", "b")),
        ("digraph { a -> b; edge [dir=none] }", Edge("a", "b")),
    ],
)
def test_arrow_heads_of_dot_are_marks(text: str, edge: Edge, folder: Path):
    assert from_dot(text, folder).edges == (edge,)


def test_a_dot_label_is_what_people_call_the_node(folder: Path):
    graph = from_dot('digraph { c3 [label="class three", kind=class] }', folder)
    assert graph.node("c3") == Node("c3", NodeKind.CLASS, label="class three")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("digraph { a -> {b c} }", "edges to subgraphs"),
        ("digraph { {a b} -> c }", "edges to subgraphs"),
        ("digraph { subgraph cluster_x { a -> b } c -> a }", "subgraphs cannot be read"),
        ("digraph { a <-> b }", "<-> is not an arrow of DOT"),
        ("digraph { a -> b [weight=much] }", "much"),
        ("digraph { a -> b [annotations=much] }", "annotations must be JSON"),
        ("digraph { a -> b [arrowhead=odot] }", "a circle at one end and nothing at the other"),
        (
            "digraph { a [kind=person] }",
            "node 'a' is of kind 'person', which is not one of concept",
        ),
    ],
)
def test_dot_that_means_something_else_is_refused(text: str, message: str, folder: Path):
    with pytest.raises(ValueError, match=message):
        from_dot(text, folder)


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


def test_json_that_is_no_graph_is_refused(tmp_path: Path):
    (tmp_path / "g.json").write_text('{"nodes": [], "links": []}')
    with pytest.raises(ValueError, match="needs 'edges'"):
        CausalGraph.load(tmp_path / "g.json")
