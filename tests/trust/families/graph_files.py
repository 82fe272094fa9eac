"""Graph files of several programs, right and odd."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from pathlib import Path

import networkx as nx

from causalxai import CausalGraph, Edge, EdgeKind
from tests.trust.family import Case, Family

Claims = set[tuple[str, str, str]]


def _claims(graph: CausalGraph) -> Claims:
    """Return what a graph says; the names at a symmetric edge are sorted."""
    found = set()
    for edge in graph.edges:
        first, second = edge.source, edge.target
        if edge.kind.symmetric:
            first, second = sorted((first, second))
        found.add((first, edge.kind.mark, second))
    return found


def _read(name: str, text: str, expected: str, folder: Path) -> None:
    """Expect edges such as ``a → b, c — d``, or a refusal (``!`` and a part of the message)."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    try:
        found = _claims(CausalGraph.load(path))
    except ValueError as error:
        assert expected.startswith("!"), f"refused: {error}"
        assert str(path) in str(error), f"the file is not named: {error}"
        assert expected[1:] in str(error), f"another message: {error}"
        assert "\n" not in str(error), f"more than a line: {error}"
        return
    assert found == {tuple(edge.split(" ")) for edge in expected.split(", ") if edge}, found


_DOT = [
    ("digraph { b -> a }", "b → a"),
    ("digraph { a -> b [dir=back] }", "b → a"),
    ("digraph { a -> b [dir=none] }", "a — b"),
    ("digraph { a -> b [dir=both] }", "a ↔ b"),
    ("digraph { a -> b [dir=forward, color=red] }", "a → b"),
    ("digraph { a -> b [arrowhead=none] }", "a — b"),
    ("digraph { a -> b [dir=both, arrowtail=none, arrowhead=none] }", "a — b"),
    ("digraph { a -> b [dir=both, arrowtail=odot, arrowhead=normal] }", "a o→ b"),
    ("digraph { a -> b [dir=both, arrowtail=normal, arrowhead=odot] }", "b o→ a"),
    ("digraph { a -> b [dir=both, arrowtail=odot, arrowhead=odot] }", "a o-o b"),
    ("digraph { edge [dir=back]; a -> b; edge [dir=forward]; a -> c }", "b → a, a → c"),
    ("digraph { a -> b; edge [dir=back]; a -> c }", "a → b, c → a"),
    ("digraph { subgraph x { edge [dir=back]; a -> b } b -> c }", "b → a, b → c"),
    ("digraph { a -> b -> c [dir=back] }", "b → a, c → b"),
    ("digraph { {a b} -> {c d} }", "a → c, a → d, b → c, b → d"),
    ("digraph { a:n -> b:s:ne }", "a → b"),
    ('digraph { "a":n -> "b" }', "a → b"),
    ('digraph { "a" + "b" -> c }', "ab → c"),
    ("strict digraph G { a -> b; a -> b }", "a → b"),
    ("graph { a -- b -- c }", "a — b, b — c"),
    ("graph { a -- b [dir=back] }", "b → a"),
    ("digraph { a; b; }", ""),
    ("dag { a -> b <- c; a <-> c }", "a → b, c → b, a ↔ c"),
    ("dag { a -> { b c } }", "a → b, a → c"),
    ("pdag { a -- b }", "a — b"),
    ("pag { a @-> b; b @-@ c }", "a o→ b, b o-o c"),
    ("digraph { a <-> b }", "!line 1"),
    ("digraph { a <- b }", "!line 1"),
    ("digraph {\n\n a -- b }", "!line 3"),
    ("graph { a -> b }", "!line 1"),
    ("digraph { a -> b [dir=up] }", "!'a' and 'b'"),
    ("digraph { a -> b [arrowhead=tee] }", "!'a' and 'b'"),
    ("digraph { a -> b [arrowhead=odot] }", "!'a' and 'b'"),
    ("digraph { a -> b [arrowtail=odot] }", "!'a' and 'b'"),
    ("digraph { a -> b [style=invis] }", "!'a' and 'b'"),
    ("digraph { a -> b; b -> a }", "!cycle"),
    ("digraph { a -> b -> c -> a }", "!cycle"),
    ("digraph { a -> a }", "!itself"),
    ("digraph { a -> b } digraph { b -> a }", "!one graph"),
    ("digraph { a -> b", "!line 1"),
    ("", "!line 1"),
    ("\x00\x01", "!line 1"),
]  # fmt: skip

_JSON = [
    ({}, {}, "b → a"),
    ({"directed": True}, {}, "b → a"),
    ({"directed": False}, {}, "a — b"),
    ({"directed": False}, {"directed": True}, "b → a"),
    ({"multigraph": True}, {"key": 0}, "b → a"),
    ({}, {"kind": "bidirected"}, "a ↔ b"),
    ({}, {"kind": "partially directed"}, "b o→ a"),
    ({}, {"directed": False}, "a — b"),
    ({}, {"dir": "back"}, "a → b"),
    ({}, {"dir": "both", "arrowhead": "none", "arrowtail": "none"}, "a — b"),
    ({}, {"type": "undirected"}, "a — b"),
    ({}, {"type": "<->"}, "a ↔ b"),
    ({}, {"type": "causal", "weight": 1}, "b → a"),
    ({"directed": "no"}, {}, "!directed"),
    ({"directed": False}, {"kind": "directed"}, "!'b' and 'a'"),
    ({}, {"kind": "maybe"}, "!'b' and 'a'"),
    ({}, {"kind": "directed", "dir": "back"}, "!'b' and 'a'"),
    ({}, {"weight": "NaN"}, "!weight"),
    ({}, {"weight": 10**400}, "!weight"),
    ({}, {"source": None}, "!source"),
    ({}, {"source": "c"}, "!'c'"),
    ({}, {"source": "a"}, "!itself"),
]  # fmt: skip

_XML = [
    ("directed", "", "b → a"),
    ("undirected", "", "a — b"),
    ("directed", 'directed="false"', "a — b"),
    ("directed", 'directed="0"', "a — b"),
    ("undirected", 'directed="true"', "b → a"),
    ("undirected", 'directed="1"', "b → a"),
    ("mixed", "", "!edgedefault"),
    ("directed", 'directed="maybe"', "!'b' and 'a'"),
]


def _written_elsewhere() -> Iterator[Case]:
    for text, expected in _DOT:
        yield Case(f"DOT {text!r}", partial(_read, "g.dot", text, expected), quick=True)
    nodes = [{"id": "a"}, {"id": "b"}]
    for more, attributes, expected in _JSON:
        for name in ("edges", "links"):
            edge = {"source": "b", "target": "a", **attributes}
            text = json.dumps({"nodes": nodes, name: [edge], **more})
            yield Case(
                f"JSON {name} {more} {attributes!s:.60}",
                partial(_read, "g.json", text, expected),
                quick=True,
            )
    for default, said, expected in _XML:
        text = (
            '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
            f'<graph edgedefault="{default}"><node id="a"/><node id="b"/>'
            f'<edge source="b" target="a" {said}/></graph></graphml>'
        )
        name = f"GraphML {default} {said}"
        yield Case(name, partial(_read, "g.graphml", text, expected), quick=True)


def _random_graph(seed: int) -> CausalGraph:
    """Return a graph with edges of all kinds and names that need quoting."""
    draw = random.Random(seed)
    alphabet = "ab1 _-.:;,<>&\"'\\[]{}()|/%$#=+*~^?!äß日א\u202e🦊\n"
    names = sorted({"".join(draw.choices(alphabet, k=draw.randint(1, 8))) for _ in range(7)})
    draw.shuffle(names)
    kinds = list(EdgeKind)
    edges = []
    for first, second in combinations(names, 2):
        if draw.random() < 0.6:
            kind = draw.choice(kinds)
            ends = (first, second)
            if kind.symmetric and draw.random() < 0.5:
                ends = (second, first)
            weight = draw.choice([None, draw.gauss(0, 1)])
            edges.append(Edge(*ends, kind, weight=weight, annotations={"x": names[:2]}))
    return CausalGraph(names, edges, annotations={"seed": seed, "text": "</graph>"})


def _round_trips(seed: int, folder: Path) -> None:
    graph = _random_graph(seed)
    before = graph
    for suffix in ("json", "dot", "graphml", "dot", "json"):
        path = folder / f"g.{suffix}"
        before.save(path)
        before = CausalGraph.load(path)
        assert before == graph, f"{suffix} changed the graph"
    assert CausalGraph.from_networkx(graph.to_networkx()) == graph


def _as_networkx_reads(seed: int, folder: Path) -> None:
    """Compare with what networkx itself reads from the files that it wrote."""
    draw = random.Random(seed)
    names = [f"n{number}" for number in range(8)]
    pairs = [pair for pair in combinations(names, 2) if draw.random() < 0.4]
    theirs: nx.Graph = nx.DiGraph() if draw.random() < 0.5 else nx.Graph()
    theirs.add_nodes_from(names)
    theirs.add_edges_from(pairs)
    mark = "→" if theirs.is_directed() else "—"
    path = folder / "theirs.graphml"
    nx.write_graphml(theirs, path)
    expected = {
        (a, mark, b) if theirs.is_directed() else (min(a, b), mark, max(a, b))
        for a, b in nx.read_graphml(path).edges
    }
    assert _claims(CausalGraph.load(path)) == expected
    for edges in ("edges", "links"):
        path = folder / f"{edges}.json"
        path.write_text(json.dumps(nx.node_link_data(theirs, edges=edges)))
        assert _claims(CausalGraph.load(path)) == expected
    path = folder / "theirs.dot"
    nx.drawing.nx_pydot.write_dot(theirs, path)
    assert _claims(CausalGraph.load(path)) == expected


def _mutated(seed: int, folder: Path) -> None:
    """Change bytes of right files: each is read or refused in one line that names it."""
    draw = random.Random(seed)
    graph = _random_graph(seed)
    for suffix in ("json", "dot", "graphml"):
        path = folder / f"g.{suffix}"
        graph.save(path)
        right = path.read_bytes()
        for _ in range(40):
            content = bytearray(right)
            for _ in range(draw.randint(1, 4)):
                start = draw.randrange(len(content))
                end = start + draw.choice([0, 1, 1, 20])
                content[start:end] = draw.choice([
                    b"", bytes([draw.randrange(256)]), b'"', b"{", b"<", b"]", b"->", b"&x;", b"\\",
                ])  # fmt: skip
            path.write_bytes(content)
            try:
                CausalGraph.load(path)
            except ValueError as error:
                assert str(path) in str(error), f"the file is not named: {error}"


def _nested(suffix: str, text: str, folder: Path) -> None:
    path = folder / f"deep.{suffix}"
    path.write_text(text)
    try:
        CausalGraph.load(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        raise AssertionError("read")


def _entities() -> str:
    lines = ['<!ENTITY l0 "lol">'] + [
        f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10)
    ]
    return f"<!DOCTYPE graphml [{''.join(lines)}]><graphml><graph id='&l9;'/></graphml>"


def _cases() -> Iterator[Case]:
    yield from _written_elsewhere()
    for seed in range(40):
        yield Case(f"round trips, seed {seed}", partial(_round_trips, seed), quick=seed < 5)
        yield Case(f"as networkx, seed {seed}", partial(_as_networkx_reads, seed), quick=seed < 5)
        yield Case(f"mutated, seed {seed}", partial(_mutated, seed), quick=seed < 2)
    for suffix, text in {
        "json": "[" * 200_000,
        "dot": "digraph " + "{" * 200_000,
        "graphml": "<graphml>" + "<graph>" * 200_000,
    }.items():
        yield Case(f"nested {suffix}", partial(_nested, suffix, text), seconds=20)
    yield Case("a billion laughs", partial(_nested, "graphml", _entities()), seconds=20)


FAMILY = Family(
    "graph-files",
    "A graph file is read with the directions that it states, or refused with a message that names "
    "the file and what is wrong.",
    _cases,
)
