"""What labels, oracle and perception say of each edge, side by side."""

from __future__ import annotations

from causalxai.graph import CausalGraph, Edge
from causalxai.metrics.graph_scores import DIRECTION_TOLD
from causalxai.report.section import Section, Table, Text
from causalxai_glance.perception_evidence import CLEAN, NONE, in_words

_COLUMNS = (
    "edge",
    "labels: nats over no edge, over the reverse",
    "labels: of halves",
    "oracle: weight",
    "perception",
)

_FINDINGS = (
    ("not perceived", "Not perceived: the labels hold these, the oracle doesn't confirm them."),
    ("perceived only", "Perceived only: the oracle shows these, the labels don't hold them."),
    (
        "undetermined",
        "Direction not told by the labels: described (nearly) as well when reversed, or a concept "
        "has too few levels. Knowledge of your own can settle it: background, with tiers or "
        "required edges.",
    ),
    ("unconfirmed", "Can't be confirmed, because the twin is not faithful in a concept."),
    ("twin not faithful", "The twin is not faithful in these concepts."),
    ("perception", "Edges as perceived."),
    ("perception can't read", "Perception does not read these concepts well enough to judge."),
    ("perception's control", "Edges found among independent concepts, where none is true."),
)


def witness_section(graph: CausalGraph) -> Section:
    """Show each edge's three witnesses, and what is an edge for one of them only."""
    rows = tuple(_row(edge) for edge in graph.edges if "confirmed" in edge.extra)
    caption = (
        "Labels: how much longer the labels' description would be without the edge, and with it "
        "reversed, and in what share of random halves of them it is found. The nats compare models "
        "of additive noise, in the effect's own unit or through a link, and no others: where the "
        "noise's spread depends on the cause, a wrong direction can win by many. Oracle: how many "
        "sds of the effect are read back for each sd that do() moves the cause, all else held; "
        f"above {float(graph.meta['threshold']):g} it is confirmed. Perception: which way the "
        "classifier's own readings of the concepts point; no edge speaks against it, not read and "
        "instrument not clean say nothing."
    )
    items: list[Text | Table] = []
    if rows:
        items.append(Table(_COLUMNS, rows, caption))
    found = tuple(
        (what, str(graph.meta[key]))
        for key, what in _FINDINGS
        if graph.meta.get(key, NONE) not in (NONE, CLEAN)
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
    nats = (edge.extra.get(name) for name in ("nats over none", "nats over reverse"))
    share = "not asked" if edge.frequency is None else f"{edge.frequency:.0%}"
    weight = "" if edge.weight is None else f"{edge.weight:+.2f}"
    if edge.low is not None and edge.high is not None:
        weight += f" [{edge.low:.2f}, {edge.high:.2f}]"
    arrow = "→" if edge.extra.get(DIRECTION_TOLD, 1.0) else "—"
    return (
        f"{edge.source} {arrow} {edge.target}",
        ", ".join("—" if value is None else f"{value:.0f}" for value in nats),
        share,
        weight,
        in_words(edge),
    )
