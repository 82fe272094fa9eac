from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from causalxai import CausalGraph, Edge, EdgeKind


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


def test_graphml_tells_other_readers_which_edges_have_no_direction(folder: Path):
    edges = [
        Edge("a", "b"),
        Edge("b", "c", EdgeKind.UNDIRECTED),
        Edge("a", "c", EdgeKind.BIDIRECTED),
    ]
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
        ("undirected", 'directed="1"', ["directed", "undirected"]),
        ("directed", 'directed="0"', ["undirected", "directed"]),
    ],
)
def test_graphml_of_other_programs(default: str, directed: str, kinds: list[str], folder: Path):
    path = folder / "other_program.graphml"
    path.write_text(GRAPHML.format(default=default, directed=directed))
    graph = CausalGraph.load(path)
    assert [(edge.source, edge.target) for edge in graph.edges] == [("b", "a"), ("b", "c")]
    assert [edge.kind for edge in graph.edges] == kinds
    assert graph.edge("b", "a").annotations == {"strength": 0.5}


def graphml(inside: str, head: str = "", default: str = "directed") -> str:
    return (
        '<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns" '
        f'xmlns:y="http://www.yworks.com/xml/graphml">{head}'
        f'<graph edgedefault="{default}"><node id="a"/><node id="b"/>{inside}</graph></graphml>'
    )


def load(text: str | bytes, folder: Path) -> CausalGraph:
    path = folder / "by_hand.graphml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return CausalGraph.load(path)


@pytest.mark.parametrize(
    ("source", "target", "edge"),
    [
        ("none", "standard", Edge("b", "a")),
        ("standard", "none", Edge("a", "b")),
        ("none", "none", Edge("b", "a", EdgeKind.UNDIRECTED)),
        ("delta", "white_delta", Edge("b", "a", EdgeKind.BIDIRECTED)),
        ("transparent_circle", "plain", Edge("b", "a", EdgeKind.PARTIALLY_DIRECTED)),
    ],
)
def test_the_arrows_of_yed_give_the_kind(source: str, target: str, edge: Edge, folder: Path):
    head = '<key for="edge" id="d9" yfiles.type="edgegraphics"/>'
    arrows = f'<y:PolyLineEdge><y:Arrows source="{source}" target="{target}"/></y:PolyLineEdge>'
    inside = f'<edge source="b" target="a"><data key="d9">{arrows}</data></edge>'
    assert load(graphml(inside, head), folder).edges == (edge,)


def test_the_default_of_an_attribute_holds_for_edges_without_it(folder: Path):
    head = (
        '<key id="k" for="edge" attr.name="kind" attr.type="string"><default>bidirected</default>'
        "</key>"
    )
    graph = load(graphml('<edge source="a" target="b"/>', head), folder)
    assert graph.edges == (Edge("a", "b", EdgeKind.BIDIRECTED),)


def test_the_encoding_is_the_one_that_the_file_states(folder: Path):
    text = graphml("").replace('"1.0"', '"1.0" encoding="latin-1"').replace('"a"', '"ä"')
    assert load(text.encode("latin-1"), folder).nodes == ("ä", "b")


EDGE = '<edge source="a" target="b"/>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not XML"),
        ("<svg/>", "must have one graph, not 0"),
        (graphml("").replace("</graphml>", "<graph/></graphml>"), "must have one graph, not 2"),
        (graphml("", default="mixed"), "must be directed or undirected, not 'mixed'"),
        (graphml(EDGE + EDGE), "join the same nodes"),
        (graphml(EDGE + '<edge source="b" target="a" directed="false"/>'), "join the same nodes"),
        (graphml('<edge source="a" target="c"/>'), "edge of 'a' and 'c': 'c' is not a node"),
        (graphml('<edge source="a"/>'), "an end is missing"),
        (graphml('<edge source="a" target="b" directed="yes"/>'), "directed must be true or false"),
        (graphml('<node id="a"/>'), "two nodes have the same id"),
        (graphml("<node/>"), "a node has no id"),
        (graphml('<node id="c"><graph edgedefault="directed"/></node>'), "a graph of its own"),
        (graphml("<hyperedge/>"), "no hyperedges"),
        (graphml('<edge source="a" target="b"><data key="x">1</data></edge>'), "not declared"),
        (
            graphml(
                '<edge source="a" target="b"><data key="x">1,5</data></edge>',
                '<key id="x" for="edge" attr.name="weight" attr.type="double"/>',
            ),
            "'weight': '1,5' is not of the type double",
        ),
        (
            graphml(
                '<edge source="a" target="b"><data key="x">directed</data></edge>',
                '<key id="x" for="edge" attr.name="kind" attr.type="string"/>',
                "undirected",
            ),
            "edges of the file have no direction",
        ),
        (
            graphml('<edge source="a" target="b"><y:Arrows source="none" target="crows"/></edge>'),
            "the arrow 'crows' has no meaning",
        ),
        (graphml("&#1;"), "not XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]>' + graphml("&x;&z;")[21:], "not XML"),
    ],
)
def test_graphml_that_means_something_else_is_refused(text: str, message: str, folder: Path):
    with pytest.raises(ValueError, match=f"by_hand.graphml: .*{message}"):
        load(text, folder)
