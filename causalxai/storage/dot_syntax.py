"""A parser of DOT [1]_ and of dagitty's language [2]_, which extends it by more arrows.

It is written by hand because the parsers of pydot and of NetworkX lose what decides on the
direction of edges: they accept ``--`` in a digraph and ``->`` in a graph, read a port into a name,
ignore everything after the first graph, and print errors.

References
----------
.. [1] "DOT Language", https://graphviz.org/doc/info/lang.html.
.. [2] Textor, van der Zander, Gilthorpe, Liskiewicz, Ellison, "Robust causal inference using
   directed acyclic graphs: the R package dagitty", International Journal of Epidemiology 45, 2016.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from typing import NoReturn

DAGITTY = ("dag", "pdag", "mag", "pag")
"""The types of graphs of dagitty's language."""

_DAGITTY_ARROWS = frozenset({"->", "<-", "<->", "--", "@->", "<-@", "@-@", "@--", "--@"})
_ARROWS = {"graph": frozenset({"--"}), "digraph": frozenset({"->"})} | dict.fromkeys(
    DAGITTY, _DAGITTY_ARROWS
)
_DEEPEST = 50
_MOST_EDGES = 100_000

_TOKEN = re.compile(
    r"""
    (?P<space>(?:\s|//[^\n]*|/\*.*?\*/|(?<![^\n])\#[^\n]*)+)
    | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<arrow><->|<-@|<-|@->|@-@|@--|--@|->|--)
    | (?P<name>[^\W\d]\w*|(?<!\w)-?(?:\.\d+|\d+(?:\.\d*)?)(?![\w.]))
    | (?P<sign>[{}\[\];,=:+])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A word of the text: a name, a quoted text, markup, an arrow or a sign."""

    kind: str
    text: str
    line: int

    def is_word(self, *words: str) -> bool:
        """Return whether it is one of the language's words, in any case and not quoted."""
        return self.kind == "name" and self.text.lower() in words

    @property
    def is_id(self) -> bool:
        """Whether it can be the name of something."""
        return self.kind in ("name", "quoted", "html")


Values = Mapping[str, Token]


@dataclass(frozen=True)
class DotEdge:
    """An edge between two nodes, as it is written.

    ``own`` are its attributes, and ``default`` those of the ``edge`` statements before it.
    """

    source: str
    target: str
    arrow: str
    own: Values
    default: Values
    line: int


@dataclass
class DotGraph:
    """A graph as it is written: type, attributes, nodes with attributes by name, and edges."""

    type: str
    attributes: dict[str, Token] = field(default_factory=dict)
    nodes: dict[str, dict[str, Token]] = field(default_factory=dict)
    edges: list[DotEdge] = field(default_factory=list)


@dataclass
class _Scope:
    """What holds within one pair of braces: default attributes, and the nodes mentioned so far."""

    node: dict[str, Token] = field(default_factory=dict)
    edge: dict[str, Token] = field(default_factory=dict)
    members: dict[str, None] = field(default_factory=dict)


def parse_dot(text: str) -> DotGraph:
    """Return the graph of a text in DOT or in dagitty's language.

    Raises
    ------
    ValueError
        If the text is not one graph; the message has the line.
    """
    return _Parser(_tokens(text)).graph()


def unquoted(token: Token) -> str:
    """Return the text that a token stands for."""
    if token.kind != "quoted":
        return token.text
    try:
        return str(json.loads(token.text, strict=False))
    except ValueError:
        # DOT has escape sequences that JSON does not have, such as \l.
        return token.text[1:-1].replace("\\\n", "").replace('\\"', '"')


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is not None and match.lastgroup is not None:
            kind, end = match.lastgroup, match.end()
        elif text[at] == "<":
            kind, end = "html", _end_of_markup(text, at, line)
        else:
            _refuse(line, _odd(text, at))
        if kind != "space":
            tokens.append(Token(kind, text[at:end], line))
        line += text.count("\n", at, end)
        at = end
    return [*tokens, Token("end", "the end of the file", line)]


def _end_of_markup(text: str, start: int, line: int) -> int:
    depth = 0
    for at in range(start, len(text)):
        depth += {"<": 1, ">": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    return _refuse(line, "'<' has no '>'")


def _odd(text: str, at: int) -> str:
    if text[at] == '"':
        return "a quotation mark has no counterpart"
    if text.startswith("/*", at):
        return "a comment has no end"
    return f"{text[at]!r} is not part of DOT here; names with such characters need quotation marks"


def _refuse(line: int, what: str) -> NoReturn:
    raise ValueError(f"line {line}: {what}")


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._members: dict[str, dict[str, None]] = {}

    def graph(self) -> DotGraph:
        if self._next.is_word("strict"):
            self._take()
        first = self._take()
        if not first.is_word(*_ARROWS):
            _refuse(first.line, f"{first.text!r} begins no graph; one of {', '.join(_ARROWS)} does")
        self._graph = DotGraph(first.text.lower())
        if self._next.is_id:
            self._take()
        self._statements(_Scope(), 0)
        if self._next.kind != "end":
            _refuse(
                self._next.line,
                f"{self._next.text!r} stands after the end of the graph; a file has one graph",
            )
        return self._graph

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _has(self, *signs: str) -> bool:
        return self._next.kind == "sign" and self._next.text in signs

    def _expect(self, sign: str) -> None:
        if not self._has(sign):
            _refuse(self._next.line, f"{sign!r} is missing before {self._next.text!r}")
        self._take()

    def _name(self) -> Token:
        """Take a name; quoted texts are joined by plus signs."""
        token = self._take()
        if not token.is_id:
            _refuse(token.line, f"a name is missing before {token.text!r}")
        while token.kind == "quoted" and self._has("+"):
            self._take()
            more = self._take()
            if more.kind != "quoted":
                _refuse(more.line, f"a quoted text is missing before {more.text!r}")
            token = replace(token, text=token.text[:-1] + more.text[1:])
        return token

    def _statements(self, scope: _Scope, depth: int) -> None:
        if depth > _DEEPEST:
            _refuse(self._next.line, f"braces are nested more than {_DEEPEST} times")
        self._expect("{")
        while not self._has("}"):
            self._statement(scope, depth)
            while self._has(";") or (self._graph.type in DAGITTY and self._has(",")):
                self._take()
        self._take()

    def _statement(self, scope: _Scope, depth: int) -> None:
        first, second = self._next, self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        if first.is_word("node", "edge", "graph"):
            self._take()
            attributes = self._attributes()
            if first.is_word("graph"):
                self._graph.attributes |= attributes if depth == 0 else {}
            else:
                (scope.node if first.is_word("node") else scope.edge).update(attributes)
        elif first.is_id and (second.kind, second.text) == ("sign", "="):
            name = unquoted(self._name())
            self._take()
            value = self._name()
            if depth == 0:
                self._graph.attributes[name] = value
        else:
            self._chain(scope, depth)

    def _chain(self, scope: _Scope, depth: int) -> None:
        """Read nodes with attributes, or edges: ``a -> {b c} -> d [color=red]``."""
        ends = [self._end(scope, depth)]
        arrows = []
        while self._next.kind == "arrow":
            arrows.append(self._arrow())
            ends.append(self._end(scope, depth))
        own = self._attributes() if self._has("[") else {}
        if not arrows:
            for name in ends[0]:
                self._graph.nodes[name] |= own
        for arrow, (sources, targets) in zip(arrows, pairwise(ends), strict=True):
            if len(self._graph.edges) + len(sources) * len(targets) > _MOST_EDGES:
                _refuse(arrow.line, f"the graph has more than {_MOST_EDGES} edges")
            default = dict(scope.edge)
            self._graph.edges += [
                DotEdge(*pair, arrow.text, own, default, arrow.line)
                for pair in product(sources, targets)
            ]

    def _arrow(self) -> Token:
        arrow = self._take()
        known = _ARROWS[self._graph.type]
        if arrow.text not in known:
            hint = (
                "; write a -> b [dir=both] for a <-> b, or [dir=back] for a <- b"
                if self._graph.type == "digraph"
                else ""
            )
            what = "is not an arrow of DOT" if arrow.text not in ("->", "--") else "is not allowed"
            _refuse(
                arrow.line,
                f"{arrow.text} {what} in a {self._graph.type}, which has {', '.join(sorted(known))}"
                f"{hint}",
            )
        return arrow

    def _end(self, scope: _Scope, depth: int) -> list[str]:
        """Read one end of an edge, or what a statement is about: some nodes, or a subgraph."""
        if self._has("{") or self._next.is_word("subgraph"):
            return self._subgraph(scope, depth)
        names = [self._node(scope)]
        while self._has(","):
            self._take()
            names.append(self._node(scope))
        return names

    def _node(self, scope: _Scope) -> str:
        token = self._name()
        if token.is_word("node", "edge", "graph", "digraph", "subgraph", "strict"):
            _refuse(token.line, f"a node can be named {token.text!r} only in quotation marks")
        if token.kind == "html":
            _refuse(token.line, f"markup such as {token.text} cannot be the name of a node")
        name = unquoted(token)
        # After a colon stands the place of the node at which the edge begins.
        for _ in range(2):
            if self._has(":"):
                self._take()
                self._name()
        self._graph.nodes.setdefault(name, dict(scope.node))
        scope.members[name] = None
        return name

    def _subgraph(self, scope: _Scope, depth: int) -> list[str]:
        inner = _Scope(dict(scope.node), dict(scope.edge))
        if self._next.is_word("subgraph"):
            self._take()
            if self._next.is_id:
                # Statements in several places add to the subgraph of the same name.
                name = unquoted(self._name())
                inner.members = self._members.setdefault(name, {})
        self._statements(inner, depth + 1)
        scope.members |= inner.members
        return list(inner.members)

    def _attributes(self) -> dict[str, Token]:
        found: dict[str, Token] = {}
        if not self._has("["):
            _refuse(self._next.line, f"'[' is missing before {self._next.text!r}")
        while self._has("["):
            self._take()
            while not self._has("]"):
                name = unquoted(self._name())
                # dagitty marks nodes by attributes without a value, such as [exposure].
                if self._has("="):
                    self._take()
                    found[name] = self._name()
                if self._has(",", ";"):
                    self._take()
            self._take()
        return found
