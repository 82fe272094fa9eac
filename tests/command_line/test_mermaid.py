from __future__ import annotations

from causalxai import CausalGraph, Edge, EdgeKind, Node
from causalxai.command_line.mermaid import mermaid


def test_nodes_have_their_labels_and_edges_their_weights():
    graph = CausalGraph(
        ["thick", Node("class 3", label="3")], [Edge("thick", "class 3", weight=-0.51249)]
    )
    assert mermaid(graph) == (
        'flowchart LR\n  n0["thick"]\n  n1["3"]\n  n0 -->|"-0.512"| n1\n'
    )  # fmt: skip


def test_every_kind_of_edge_has_a_line_of_its_own():
    drawn = {mermaid(CausalGraph(["a", "b"], [Edge("a", "b", kind=kind)])) for kind in EdgeKind}
    assert len(drawn) == len(EdgeKind)


def test_a_label_cannot_end_its_quotes():
    line = mermaid(CausalGraph(['a"]; click n0 "x', "b"])).splitlines()[1]
    assert line.startswith('  n0["')
    assert line.endswith('"]')
    assert line.count('"') == 2
