"""Nodes and edges of causal graphs, with the kinds of edges that discoverers find."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import Any, Self, TypeVar

from causalxai.short_repr import short_repr
from causalxai.storage.edge_ends import edge_of
from causalxai.storage.record import Json, plain_json

_Kind = TypeVar("_Kind", bound=StrEnum)
_Number = TypeVar("_Number", int, float)


class NodeKind(StrEnum):
    """What a node of a causal graph stands for."""

    CONCEPT = "concept"
    CLASS = "class"
    """A class of the classifier: its logit or its probability."""
    PREDICTION = "prediction"
    """The classifier's answer, all classes together."""
    IMAGE = "image"
    """The image, or one of its channels."""
    PARAMETER = "parameter"
    MEDIATOR = "mediator"
    """A channel or unit inside the network."""


@dataclass(frozen=True)
class Node:
    """A variable of a causal graph.

    Parameters
    ----------
    name
        The name by which edges and users refer to it; unique in its graph.
    kind
        What it stands for.
    label
        A name for readers, if it differs: ``"3"`` for a class node ``"class 3"``.
    tier
        Its layer, for drawing and for layered graphs.
    annotations
        Further findings of the discoverer: any JSON.
    """

    name: str
    kind: NodeKind = NodeKind.CONCEPT
    _: KW_ONLY
    label: str = ""
    tier: int | None = None
    annotations: Mapping[str, Json] = field(default_factory=dict)

    __repr__ = short_repr

    def __post_init__(self) -> None:
        of = f"the annotations of node {self.name!r}"
        object.__setattr__(self, "annotations", plain_json(self.annotations, of))

    @property
    def title(self) -> str:
        """The label, or else the name."""
        return self.label or self.name

    def to_json(self) -> dict[str, Any]:
        """Return the node as an entry of node-link JSON, without the fields that are unknown."""
        return _without_defaults({
            "id": self.name, "kind": str(self.kind), "label": self.label or None,
            "tier": self.tier, "annotations": dict(self.annotations),
        })  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read an entry of node-link JSON; attributes that are not fields become annotations."""
        name, label, tier = name_in(data, "id"), str(data.get("label") or ""), data.get("tier")
        return cls(
            name,
            _kind(NodeKind, data.get("kind", NodeKind.CONCEPT), f"node {name!r}"),
            label="" if label == name else label,
            tier=None if tier is None else _number(int, tier, f"node {name!r}: tier"),
            annotations=annotations_of(data, "id", "kind", "label", "tier"),
        )


class EdgeKind(StrEnum):
    """How an edge joins two nodes, by the marks at its ends [1]_.

    References
    ----------
    .. [1] Zhang, "On the completeness of orientation rules for causal discovery in the presence of
       latent confounders and selection bias", Artificial Intelligence 172, 2008.
    """

    DIRECTED = "directed"
    """a → b: a is a cause of b."""
    UNDIRECTED = "undirected"
    """a — b: one of them is a cause of the other, but it is open which one."""
    BIDIRECTED = "bidirected"
    """a ↔ b: neither is a cause of the other; they have an unobserved common cause."""
    PARTIALLY_DIRECTED = "partially directed"
    """a o→ b: b is not a cause of a; the edge is a → b or a ↔ b."""
    UNORIENTED = "unoriented"
    """a o-o b: all that is known is that the two are joined."""

    @property
    def mark(self) -> str:
        """The sign that stands between the two nodes when the edge is written."""
        return _MARKS[self]

    @property
    def symmetric(self) -> bool:
        """Whether the edge says the same of both ends."""
        return self not in (EdgeKind.DIRECTED, EdgeKind.PARTIALLY_DIRECTED)


_MARKS = {
    EdgeKind.DIRECTED: "→",
    EdgeKind.UNDIRECTED: "—",
    EdgeKind.BIDIRECTED: "↔",
    EdgeKind.PARTIALLY_DIRECTED: "o→",
    EdgeKind.UNORIENTED: "o-o",
}


@dataclass(frozen=True)
class Edge:
    """What a discoverer claims about two nodes.

    Parameters
    ----------
    source, target
        Names of nodes. The weight and the annotations of a symmetric edge may still refer to
        source → target.
    kind
        The kind of edge, which says what marks are at its ends.
    weight
        The effect; its sign says whether the source supports or opposes the target.
    p
        A p-value, where the discoverer tests.
    frequency
        The share of repeats, resamples or images that show the edge, in [0, 1].
    low, high
        A 95 % interval of the weight.
    annotations
        Further findings of the discoverer: any JSON.

    Raises
    ------
    ValueError
        If it joins a node to itself, a number is not finite, or an annotation is not JSON.
    """

    source: str
    target: str
    kind: EdgeKind = EdgeKind.DIRECTED
    _: KW_ONLY
    weight: float | None = None
    p: float | None = None
    frequency: float | None = None
    low: float | None = None
    high: float | None = None
    annotations: Mapping[str, Json] = field(default_factory=dict)

    __repr__ = short_repr

    def __post_init__(self) -> None:
        ends = f"edge {self.source!r} {self.kind.mark} {self.target!r}"
        if self.source == self.target:
            raise ValueError(f"{ends} joins a node to itself")
        for name in _FIGURES:
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{ends}: {name} must be finite, or None")
            object.__setattr__(self, name, None if value is None else float(value))
        kept = plain_json(self.annotations, f"the annotations of {ends}")
        object.__setattr__(self, "annotations", kept)

    def __str__(self) -> str:
        return f"{self.source} {self.kind.mark} {self.target}"

    @property
    def directed(self) -> bool:
        """Whether the edge is source → target."""
        return self.kind is EdgeKind.DIRECTED

    @property
    def doubt(self) -> str:
        """Why the edge is not to be believed, as its discoverer says in the annotation ``doubt``.

        Empty if nothing is known against it. Drawings set such edges apart.
        """
        return str(self.annotations.get("doubt") or "")

    @property
    def pair(self) -> frozenset[str]:
        """The names of the two nodes."""
        return frozenset((self.source, self.target))

    @property
    def claim(self) -> tuple[EdgeKind, Collection[str]]:
        """The statement of the edge; equal for two edges that make the same statement."""
        return self.kind, self.pair if self.kind.symmetric else (self.source, self.target)

    def admits(self, source: str, target: str) -> bool:
        """Return whether the edge leaves ``source`` → ``target`` possible."""
        if self.pair != {source, target} or self.kind is EdgeKind.BIDIRECTED:
            return False
        return self.kind.symmetric or self.source == source

    def to_json(self) -> dict[str, Any]:
        """Return the edge as an entry of node-link JSON, without the fields that are unknown."""
        figures = {name: getattr(self, name) for name in _FIGURES}
        return _without_defaults({
            "source": self.source, "target": self.target, "kind": str(self.kind),
            **figures, "annotations": dict(self.annotations),
        })  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, directed: bool = True) -> Self:
        """Read an entry of node-link JSON; attributes that are not fields become annotations.

        Parameters
        ----------
        data
            The entry. Its direction may also be written as other programs do; see
            ``causalxai.storage.edge_ends``.
        directed
            Whether the edge is directed unless the entry says otherwise.

        Raises
        ------
        ValueError
            If the entry is not an edge, or contradicts itself.
        """
        ends = {name: name_in(data, name) for name in ("source", "target")}
        entry = edge_of({**data, **ends}, directed=directed)
        where = f"edge of {entry['source']!r} and {entry['target']!r}"
        known = (name for name in _FIGURES if entry.get(name) is not None)
        return cls(
            entry["source"],
            entry["target"],
            _kind(EdgeKind, entry["kind"], where),
            **{name: _number(float, entry[name], f"{where}: {name}") for name in known},
            annotations=annotations_of(entry, "source", "target", "kind", "key", *_FIGURES),
        )


_FIGURES = ("weight", "p", "frequency", "low", "high")


def _without_defaults(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value is not None and value != {}}


def annotations_of(data: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    """Return the annotations of an entry of node-link JSON, with all attributes not in fields."""
    more = {str(k): v for k, v in data.items() if k not in fields and k != "annotations"}
    annotations = data.get("annotations", {})
    if not isinstance(annotations, Mapping):
        raise ValueError(f"annotations must be an object in JSON, not {annotations!r:.80}")
    return more | dict(annotations)


def name_in(data: object, field_name: str) -> str:
    """Return the name of a node from a field of an entry of node-link JSON.

    Raises
    ------
    ValueError
        If the entry is not an object, or the field is missing or neither a text nor a number.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{data!r:.80} is not an object, as nodes and edges in JSON must be")
    name = data.get(field_name)
    if isinstance(name, bool) or not isinstance(name, str | int | float):
        raise ValueError(f"{field_name!r} must be a text or a number, not {name!r:.80}")
    return str(name)


def _number(kind: type[_Number], value: object, where: str) -> _Number:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            return kind(value)
    raise ValueError(f"{where} must be a number, not {value!r:.80}")


def _kind(kinds: type[_Kind], value: object, where: str) -> _Kind:
    try:
        return kinds(str(value))
    except ValueError:
        known = ", ".join(kinds)
        raise ValueError(f"{where} is of kind {value!r}, which is not one of {known}") from None


def edges_in_words(edges: Iterable[Edge]) -> str:
    """Return edges for a reader, as in ``a → b; a ↔ c``."""
    return "; ".join(sorted(map(str, edges)))
