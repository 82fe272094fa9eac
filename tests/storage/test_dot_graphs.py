from __future__ import annotations

from pathlib import Path

import pytest

from causalxai import CausalGraph, Edge, EdgeKind, Node, NodeKind


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


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
        ("digraph { edge [dir=back]; a -> b; edge [color=red] }", Edge("b", "a")),
        ("digraph { subgraph s { edge [dir=back]; a -> b } }", Edge("b", "a")),
        ("digraph { subgraph s { edge [dir=back] } a -> b }", Edge("a", "b")),
        ('digraph { "a":n -> b:s:ne }', Edge("a", "b")),
        ("digraph { edge [arrowhead=vee]; a -> b [dir=back] }", Edge("b", "a")),
        ("digraph { a -> b [kind=bidirected] }", Edge("a", "b", EdgeKind.BIDIRECTED)),
        ("digraph { a -> b; a -> b [weight=2] }", Edge("a", "b", weight=2.0)),
        ("strict graph { a -- b; b -- a }", Edge("a", "b", EdgeKind.UNDIRECTED)),
        ("dag { a <- b }", Edge("b", "a")),
        ("dag { a <-> b }", Edge("a", "b", EdgeKind.BIDIRECTED)),
        ("pdag { a -- b }", Edge("a", "b", EdgeKind.UNDIRECTED)),
        ("pag { a @-> b }", Edge("a", "b", EdgeKind.PARTIALLY_DIRECTED)),
        ("pag { a <-@ b }", Edge("b", "a", EdgeKind.PARTIALLY_DIRECTED)),
        ("pag { a @-@ b }", Edge("a", "b", EdgeKind.UNORIENTED)),
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
        ("digraph { a <-> b }", "<-> is not an arrow of DOT"),
        ("digraph {\n a <- b }", "line 2: <- is not an arrow of DOT"),
        ("digraph { a -- b }", "-- is not allowed in a digraph"),
        ("graph { a -> b }", "-> is not allowed in a graph"),
        ("digraph { a -> b [dir=sideways] }", "dir must be one of forward, back, both, none"),
        ("digraph { a -> b [arrowhead=tee] }", "arrowhead=tee has no meaning"),
        ("digraph { a -> b [arrowtail=odot] }", "arrowtail=odot is not drawn without dir=both"),
        ("graph { a -- b [arrowhead=normal] }", "arrowhead=normal is not drawn"),
        ("digraph { a -> b [kind=directed, dir=none] }", "kind says .*, but dir says"),
        ("graph { a -- b [kind=directed] }", "edges of the file have no direction"),
        ("digraph { a -> b [style=invis] }", "style=invis"),
        ("digraph { a -> b [lhead=cluster_x] }", "lhead=cluster_x"),
        ("digraph { a -> b; a -> b [dir=back] }", "no cycles"),
        ("digraph { a -> b [weight=1]; a -> b [weight=2] }", "weight is '1' and again '2'"),
        ("digraph { a -> a }", "joins a node to itself"),
        ("pag { a @-- b }", "line 1: .* a circle at one end"),
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


def test_the_output_of_causal_learn_is_read(folder: Path):
    from causallearn.graph.Edge import Edge as TheirEdge
    from causallearn.graph.Endpoint import Endpoint
    from causallearn.graph.GeneralGraph import GeneralGraph
    from causallearn.graph.GraphNode import GraphNode
    from causallearn.utils.GraphUtils import GraphUtils

    names = ["a", "b", "c", "d", "e"]
    nodes = [GraphNode(name) for name in names]
    theirs = GeneralGraph(nodes)
    tail, arrow, circle = Endpoint.TAIL, Endpoint.ARROW, Endpoint.CIRCLE
    for ends in [
        (0, 1, tail, arrow), (1, 2, tail, tail), (2, 3, arrow, arrow), (3, 4, circle, arrow),
        (0, 4, circle, circle), (0, 3, arrow, tail),
    ]:  # fmt: skip
        theirs.add_edge(TheirEdge(nodes[ends[0]], nodes[ends[1]], *ends[2:]))
    graph = from_dot(GraphUtils.to_pydot(theirs).to_string(), folder)
    label = {name: graph.node(name).title for name in graph.nodes}
    assert sorted(label.values()) == names
    assert {
        (edge.kind, frozenset(edge.pair) if edge.kind.symmetric else (edge.source, edge.target))
        for edge in graph.edges
    } == {
        (EdgeKind.DIRECTED, ("0", "1")),
        (EdgeKind.UNDIRECTED, frozenset("12")),
        (EdgeKind.BIDIRECTED, frozenset("23")),
        (EdgeKind.PARTIALLY_DIRECTED, ("3", "4")),
        (EdgeKind.UNORIENTED, frozenset("04")),
        (EdgeKind.DIRECTED, ("3", "0")),
    }


DAGITTY = """
dag {
  bb="0,0,1,1"
  "heart rate" [outcome,pos="1.0,2.0"]
  U [latent]
  smoking [exposure,pos="0,0"]
  U -> { smoking "heart rate" }
  smoking -> tar -> "heart rate"
  smoking <-> genes
}
"""


def test_dagitty_is_read(folder: Path):
    assert from_dot(DAGITTY, folder) == CausalGraph(
        ["heart rate", "U", "smoking", "tar", "genes"],
        [
            ("U", "smoking"),
            ("U", "heart rate"),
            ("smoking", "tar"),
            ("tar", "heart rate"),
            Edge("smoking", "genes", EdgeKind.BIDIRECTED),
        ],
    )
