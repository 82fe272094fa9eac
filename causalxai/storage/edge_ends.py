"""What graph files say of the ends of an edge, in the ways of several programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

Attributes: TypeAlias = "dict[str, Any]"

DRAWN: dict[str, tuple[str, str]] = {
    "directed": ("none", "normal"),
    "undirected": ("none", "none"),
    "bidirected": ("normal", "normal"),
    "partially directed": ("odot", "normal"),
    "unoriented": ("odot", "odot"),
}
"""The heads that Graphviz draws at the source and at the target of an edge, by its kind."""

SYMMETRIC = frozenset({"undirected", "bidirected", "unoriented"})
"""The kinds of edges that say the same of both ends."""

SIGNS: dict[str, tuple[str, str]] = {
    "->": ("none", "normal"),
    "-->": ("none", "normal"),
    "<-": ("normal", "none"),
    "<--": ("normal", "none"),
    "<->": ("normal", "normal"),
    "--": ("none", "none"),
    "---": ("none", "none"),
    "o->": ("odot", "normal"),
    "<-o": ("normal", "odot"),
    "o-o": ("odot", "odot"),
    "@->": ("odot", "normal"),
    "<-@": ("normal", "odot"),
    "@-@": ("odot", "odot"),
}
"""The heads at the source and at the target that a written sign stands for."""

ENDS = ("dir", "arrowtail", "arrowhead")
"""The attributes by which Graphviz decides on the heads."""

_WAYS = {"forward": ("arrowhead",), "back": ("arrowtail",), "both": ENDS[1:], "none": ()}
_ARROWS = frozenset({
    "normal", "vee", "open", "empty", "onormal", "halfopen", "lnormal", "rnormal", "olnormal",
    "ornormal", "lvee", "rvee",
})  # fmt: skip
_TYPES = ("type", "edge_type")


class _Claim(NamedTuple):
    source: str
    target: str
    kind: str

    def same(self, other: _Claim) -> bool:
        """Return whether both say the same; the order of a symmetric edge says nothing."""
        if self.kind != other.kind:
            return False
        turned = (other.target, other.source)
        return self[:2] == other[:2] or (self.kind in SYMMETRIC and self[:2] == turned)


def edge_of(attributes: Mapping[str, Any], *, directed: bool) -> Attributes:
    """Return an edge with its ``kind``, and with the ends in the order for which the kind holds.

    Parameters
    ----------
    attributes
        ``source``, ``target``, and anything else. The kind follows from ``kind``; from ``dir``,
        ``arrowhead`` and ``arrowtail`` as in Graphviz; from ``type`` or ``edge_type`` where it is
        the name of a kind or a sign such as ``<->``; and from ``directed``. What only says this is
        left out of the result.
    directed
        Whether the file's edges are directed unless an edge says otherwise.

    Raises
    ------
    ValueError
        If two of these contradict each other, or an end cannot be represented; the message names
        the edge.
    """
    source, target = attributes["source"], attributes["target"]
    where = f"edge of {source!r} and {target!r}"
    said = dict(_said(attributes, where, directed=directed))
    own = _directed(attributes.get("directed"), where)
    default = "directed" if (directed if own is None else own) else "undirected"
    claim = next(iter(said.values()), _Claim(source, target, default))
    for name, other in said.items():
        if not other.same(claim):
            first = next(iter(said))
            raise ValueError(
                f"{where}: {first} says {_in_words(claim)}, but {name} says {_in_words(other)}"
            )
    pointed = claim.kind not in SYMMETRIC
    if own is not None and pointed is not own:
        raise ValueError(f"{where}: directed says {own}, but the edge is {claim.kind}")
    if not directed and own is None and pointed and list(said) == ["kind"]:
        raise ValueError(
            f"{where}: kind says {claim.kind}, but the edges of the file have no direction"
        )
    used = {"source", "target", "directed", *said, *ENDS}
    rest = {key: value for key, value in attributes.items() if key not in used}
    return {**claim._asdict(), **rest}


def claim_of_heads(source: str, target: str, tail: str, head: str) -> Attributes:
    """Return source, target and kind of an edge with these heads: normal, none or odot.

    Raises
    ------
    ValueError
        If there is no such kind of edge.
    """
    for kind, marks in DRAWN.items():
        if (tail, head) == marks:
            return _Claim(source, target, kind)._asdict()
        if (head, tail) == marks:
            return _Claim(target, source, kind)._asdict()
    raise ValueError(
        f"the edge of {source!r} and {target!r} has a circle at one end and nothing at the other; "
        "there is no such kind of edge"
    )


def drawn_ends(way: object, where: str) -> tuple[str, ...]:
    """Return which of ``arrowtail`` and ``arrowhead`` Graphviz draws for a value of ``dir``.

    Raises
    ------
    ValueError
        If there is no such value.
    """
    try:
        return _WAYS[str(way).strip('"')]
    except KeyError:
        raise ValueError(f"{where}: dir must be one of {', '.join(_WAYS)}, not {way!r}") from None


def _said(
    attributes: Mapping[str, Any], where: str, *, directed: bool
) -> Iterator[tuple[str, _Claim]]:
    """Yield everything that is said of the kind, by the name of the attribute."""
    source, target = attributes["source"], attributes["target"]
    if "kind" in attributes:
        yield "kind", _Claim(source, target, str(attributes["kind"]))
    given = {name: attributes[name] for name in ENDS if attributes.get(name) is not None}
    if given:
        heads = _heads(given, where, directed=directed)
        yield " and ".join(given), _Claim(**claim_of_heads(source, target, *heads))
    for name in _TYPES:
        word = str(attributes.get(name, "")).strip().lower()
        if word in DRAWN:
            yield name, _Claim(source, target, word)
        elif word in SIGNS:
            yield name, _Claim(**claim_of_heads(source, target, *SIGNS[word]))


def _heads(given: Mapping[str, Any], where: str, *, directed: bool) -> tuple[str, str]:
    drawn = drawn_ends(given.get("dir", "forward" if directed else "none"), where)
    tail, head = (_head(given, name, drawn, where) for name in ENDS[1:])
    return tail, head


def _head(given: Mapping[str, Any], name: str, drawn: tuple[str, ...], where: str) -> str:
    default = "normal" if name in drawn else "none"
    shape = str(given.get(name, default)).strip('"')
    if shape not in _ARROWS | {"none", "odot"}:
        raise ValueError(
            f"{where}: {name}={shape} has no meaning in a causal graph: it may be normal (or vee, "
            "empty, open), none, or odot for a circle"
        )
    if shape != "none" and name not in drawn:
        raise ValueError(
            f"{where}: {name}={shape} is not drawn without dir=both, so that it is open what is "
            "meant"
        )
    return "normal" if shape in _ARROWS else shape


def _directed(value: object, where: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    try:
        return {"true": True, "false": False}[str(value).lower()]
    except KeyError:
        raise ValueError(f"{where}: directed must be true or false, not {value!r}") from None


def _in_words(claim: _Claim) -> str:
    return f"{claim.source!r} to {claim.target!r}, {claim.kind}"
