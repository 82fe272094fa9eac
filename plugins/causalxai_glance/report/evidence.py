"""What labels, oracle and perception say of each edge, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from causalxai.graph import CausalGraph, Edge, EdgeKind
from causalxai.report.section import Section, Table, Text
from causalxai.storage.record import Json

_COLUMNS = (
    "edge",
    "labels: nats over no edge, over the reverse",
    "labels: of halves",
    "oracle: weight",
    "perception",
)


def _weighed(found: Json) -> str:
    edge = cast("dict[str, Json]", found)
    return f"{edge['source']} → {edge['target']} ({edge['weight']:.2f})"


def _perceived(found: Json) -> str:
    edge = cast("dict[str, str]", found)
    return f"{edge['source']} {EdgeKind(edge['kind']).mark} {edge['target']}"


def _joined(found: Json) -> str:
    return " → ".join(cast("list[str]", found))


_FINDINGS: tuple[tuple[str, Callable[[Json], str], str], ...] = (
    (
        "not_perceived",
        _weighed,
        "Not perceived: the labels hold these, the oracle doesn't confirm them.",
    ),
    (
        "perceived_only",
        _weighed,
        "Perceived only: the oracle shows these, the labels don't hold them.",
    ),
    (
        "undetermined",
        _weighed,
        "Direction not told by the labels: described (nearly) as well when reversed, or a concept "
        "has too few levels. Knowledge of your own can settle it: background, with tiers or "
        "required edges.",
    ),
    (
        "unconfirmed",
        _weighed,
        "Can't be confirmed, because the twin is not faithful in a concept.",
    ),
    ("unfaithful", str, "The twin is not faithful in these concepts."),
    ("perceived_edges", _perceived, "Edges as perceived."),
    ("unread", str, "Perception does not read these concepts well enough to judge."),
    (
        "perceived_by_mistake",
        _joined,
        "Edges found among independent concepts, where none is true.",
    ),
)


def witness_section(graph: CausalGraph) -> Section:
    """Show each edge's three witnesses, and what is an edge for one of them only."""
    rows = tuple(_row(edge) for edge in graph.edges if "evidence" in edge.annotations)
    threshold = cast("float", graph.annotations["threshold"])
    caption = (
        "Labels: how much longer the labels' description would be without the edge, and with it "
        "reversed, and in what share of random halves of them it is found. The nats compare models "
        "of additive noise, in the effect's own unit or through a link, and no others: where the "
        "noise's spread depends on the cause, a wrong direction can win by many. Oracle: how many "
        "sds of the effect are read back for each sd that do() moves the cause, all else held; "
        f"above {threshold:g} it is confirmed. Perception: which way the "
        "classifier's own readings of the concepts point; no edge speaks against it, not read and "
        "instrument not clean say nothing."
    )
    items: list[Text | Table] = []
    if rows:
        items.append(Table(_COLUMNS, rows, caption))
    found = tuple(
        (what, "; ".join(map(say, cast("list[Json]", graph.annotations[key]))))
        for key, say, what in _FINDINGS
        if graph.annotations.get(key)
    )
    if found:
        items.append(Table(("finding", "edges (oracle's weight)"), found))
    items.append(
        Text(
            "Mind: directions come from the labels. A twin that obeys do() would confirm a "
            "reversed edge of the SCM layer as well; only perception speaks of direction apart."
        )
    )
    return Section("Three witnesses", items)


def _row(edge: Edge) -> tuple[str, ...]:
    evidence = cast("dict[str, float | str | None]", edge.annotations["evidence"])
    nats = (evidence[name] for name in ("nats_over_none", "nats_over_reverse"))
    share = "not asked" if edge.frequency is None else f"{edge.frequency:.0%}"
    weight = "" if edge.weight is None else f"{edge.weight:+.2f}"
    if edge.low is not None and edge.high is not None:
        weight += f" [{edge.low:.2f}, {edge.high:.2f}]"
    return (
        str(edge),
        ", ".join("—" if value is None else f"{value:.0f}" for value in nats),
        share,
        weight,
        str(evidence.get("perception", "not heard")),
    )
