from __future__ import annotations

import pydot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalxai.storage.dot_syntax import parse_dot, unquoted

NAMES = st.sampled_from(["a", "B_1", "25", '"a b"', '"->"', '"node"', "ü"])
VALUES = st.sampled_from(["back", '"two words"', "3", '"a;b]"', '"x=\\"y\\""'])
ATTRIBUTES = st.dictionaries(st.sampled_from(["dir", "color", "label"]), VALUES, max_size=2)
SPACES = st.sampled_from([" ", "\n", "\t ", " /* a -> b */ ", " // c -> d\n", "\n# e -> f\n"])


@st.composite
def digraphs(draw: st.DrawFn) -> str:
    """Digraphs of chains with attributes, in the part of DOT that pydot reads rightly."""
    statements = []
    for chain in draw(st.lists(st.lists(NAMES, min_size=1, max_size=4), max_size=6)):
        given_ = ", ".join(f"{name}={value}" for name, value in draw(ATTRIBUTES).items())
        statements.append(" -> ".join(chain) + (f" [{given_}]" if given_ else "") + ";")
    return "digraph {" + "".join(draw(SPACES) + statement for statement in statements) + "\n}"


@settings(max_examples=60)
@given(text=digraphs())
def test_edges_and_attributes_are_those_that_pydot_finds(text: str):
    (theirs,) = pydot.graph_from_dot_data(text)
    edges = [
        (
            _plain(edge.get_source()),
            _plain(edge.get_destination()),
            {name: _plain(value) for name, value in edge.get_attributes().items()},
        )
        for edge in sorted(theirs.get_edges(), key=lambda edge: edge.get_sequence())
    ]
    assert [
        (edge.source, edge.target, {name: unquoted(value) for name, value in edge.own.items()})
        for edge in parse_dot(text).edges
    ] == edges


def _plain(token: str) -> str:
    return token[1:-1].replace('\\"', '"') if token.startswith('"') else token


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("digraph { a -> {b c} -> d }", ["ab", "ac", "bd", "cd"]),
        ("digraph { {a b} -> c }", ["ac", "bc"]),
        ("digraph { a, b -> c, d }", ["ac", "ad", "bc", "bd"]),
        ("digraph { subgraph s {a} subgraph s {b} -> c }", ["ac", "bc"]),
        ("digraph { subgraph cluster_x { a -> b; c } -> d }", ["ab", "ad", "bd", "cd"]),
        ('digraph { "a" -> "" + "b" }', ["ab"]),
        ('digraph { a:n:e -> "b":"x" }', ["ab"]),
        ("DIGRAPH g { EDGE [dir=back] a -> b }", ["ab"]),
        ("graph { a -- b -- c }", ["ab", "bc"]),
        ("strict digraph { graph [a=b]; c=d; a -> b [label=<<b>x</b>>] }", ["ab"]),
    ],
)
def test_groups_ports_and_words_are_read(text: str, edges: list[str]):
    assert [edge.source + edge.target for edge in parse_dot(text).edges] == edges


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'the end of the file' begins no graph"),
        ("digraph", "'{' is missing"),
        ("digraph {\n a -> ", "a name is missing before 'the end of the file'"),
        ("digraph { a -> b } digraph { b -> a }", "'digraph' stands after the end of the graph"),
        ("digraph { a --> b }", "'>' is not part of DOT here"),
        ("digraph { a-b -> c }", "'-' is not part of DOT here"),
        ("digraph { 1a -> c }", "'1' is not part of DOT here"),
        ('digraph { "a -> b }', "a quotation mark has no counterpart"),
        ("digraph { a -> b /* }", "a comment has no end"),
        ("digraph { a [label=<b }", "'<' has no '>'"),
        ("digraph { <b> -> a }", "markup such as <b> cannot be the name of a node"),
        ("digraph { node -> a }", "'\\[' is missing before '->'"),
        ("digraph { a -> node }", "can be named 'node' only in quotation marks"),
        ("digraph { subgraph s -> a }", "'{' is missing before '->'"),
        ("digraph " + "{" * 10_000, "nested more than 50 times"),
        (
            "digraph {" + "{" + " ".join(f"a{i}" for i in range(400)) + "} -> {"
            + " ".join(f"b{i}" for i in range(400)) + "} }",
            "more than 100000 edges",
        ),
    ],
)  # fmt: skip
def test_what_is_not_dot_is_refused_with_the_line(text: str, message: str):
    with pytest.raises(ValueError, match=rf"line \d+: .*{message}"):
        parse_dot(text)
