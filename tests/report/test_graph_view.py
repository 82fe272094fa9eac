from __future__ import annotations

import json
from itertools import product
from typing import Any

from causalxai import CausalGraph, Edge
from causalxai.graph import Node, NodeKind
from causalxai.report.graph_view import GraphExtras, NodeMeaning, graph_view
from causalxai.report.pictures import Thumbnail


def view(graph: CausalGraph, extras: GraphExtras | None = None) -> Any:
    """Return what the page's script reads."""
    return json.loads(json.dumps(graph_view(graph, extras or GraphExtras(), {})))


def test_an_edge_tells_all_that_is_known_of_it():
    evidence: dict[str, Any] = {"nats_over_none": 11.5, "perception": "same", "unknown": None}
    edge = Edge(
        "a", "b", weight=-0.25, low=-0.5, high=0.0, frequency=0.9, p=0.01,
        annotations={"evidence": evidence, "doubt": "nothing was read back"},
    )  # fmt: skip
    (shown,) = view(CausalGraph("ab", [edge]))["edges"]
    assert shown["facts"] == [
        "weight -0.25 [-0.5, 0]",
        "found in 90%",
        "p = 0.01",
        "nats over none: 11.5",
        "perception: same",
    ]
    assert (shown["said"], shown["sign"]) == ("a causes b", -1)
    assert shown["doubt"] == "nothing was read back"


def test_nodes_have_places_and_meanings():
    meaning = NodeMeaning("How thick it is.", (Thumbnail("data:,", "thin", "thin"),))
    graph = CausalGraph([Node("a"), Node("k", NodeKind.CLASS, label="3")], [("a", "k")])
    shown = view(graph, GraphExtras(meanings={"a": meaning}))
    first, second = shown["nodes"]
    assert (first["x"], second["x"], second["title"]) == (0.0, 1.0, "class 3")
    assert (first["text"], first["pictures"]) == ("How thick it is.", [[0, "thin", "thin"]])
    assert shown["pictures"] == ["data:,"]
    assert not first["face"]


def test_a_node_has_a_picture_in_its_box_if_there_is_one():
    pictures = (Thumbnail("data:,", "a crop"),)
    meanings = {"a": NodeMeaning("", pictures, in_box=True), "b": NodeMeaning("", in_box=True)}
    shown = view(CausalGraph("abc", [("a", "b")]), GraphExtras(meanings=meanings))
    assert [node["face"] for node in shown["nodes"]] == [True, False, False]


def test_a_picture_of_several_nodes_is_in_the_page_once():
    pictures = [Thumbnail(f"data:,{k}", f"image {k}") for k in range(3)]
    meanings = {"a": NodeMeaning("", pictures[:2]), "b": NodeMeaning("", pictures[1:])}
    shown = view(CausalGraph("ab", [("a", "b")]), GraphExtras(meanings=meanings))
    assert shown["pictures"] == ["data:,0", "data:,1", "data:,2"]
    places = [[stored for stored, *_ in node["pictures"]] for node in shown["nodes"]]
    assert places == [[0, 1], [1, 2]]


def test_edges_apart_are_no_part_of_the_graph():
    apart = {"not perceived": (("b", "a"), ("b", "unknown"))}
    shown = view(CausalGraph("ab", [("a", "b")]), GraphExtras(apart=apart))
    first, second = shown["edges"]
    assert shown["total"] == 2
    assert "apart" not in first
    assert (second["said"], second["apart"]) == ("b → a: not perceived", "not perceived")


def test_a_large_graph_has_only_the_strongest_paths_to_each_class():
    units, classes = [f"u{i}" for i in range(40)], ["k", "l"]
    nodes = [Node("image"), *map(Node, units), *(Node(name, NodeKind.CLASS) for name in classes)]
    edges = [Edge("image", unit, weight=1.0) for unit in units]
    edges += [Edge(u, k, weight=1.0 + i) for (i, u), k in product(enumerate(units), classes)]
    shown = view(CausalGraph(nodes, edges))
    assert shown["paths"].keys() == {"class k", "class l"}
    strongest = [shown["edges"][place] for place in shown["paths"]["class k"][0]]
    assert [(edge["from"], edge["to"]) for edge in strongest] == [("image", "u39"), ("u39", "k")]
    assert len(shown["paths"]["class k"]) == 12
    assert len(shown["nodes"]) == 1 + 12 + 2
