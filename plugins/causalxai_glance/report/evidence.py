"""The evidence for each edge from labels, oracle and perception, side by side."""

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
        "Not perceived: found in the labels, and not confirmed by the oracle.",
    ),
    (
        "perceived_only",
        _weighed,
        "Perceived only: shown by the oracle, and not found in the labels.",
    ),
    (
        "undetermined",
        _weighed,
        "Undetermined direction: the reverse describes the labels (nearly) as well, or a concept "
        "has too few levels. Background knowledge can determine it: see 'background', with tiers "
        "or required edges.",
    ),
    (
        "uneven_noise",
        _weighed,
        "Direction refused: the spread of the noise seems to depend on a concept, and models that "
        "allow for this do not confirm the direction that models of even noise prefer. Background "
        "knowledge can determine it.",
    ),
    (
        "unconfirmed",
        _weighed,
        "Cannot be confirmed, because the twin is not faithful in one of the concepts.",
    ),
    ("unfaithful", str, "Concepts in which the twin is not faithful."),
    ("perceived_edges", _perceived, "Perceived edges."),
    ("unread", str, "Concepts that perception does not read well enough."),
    (
        "perceived_by_mistake",
        _joined,
        "Edges found among independent concepts, all of which are false.",
    ),
)


def evidence_section(graph: CausalGraph) -> Section:
    """Show the three kinds of evidence for each edge, and the pairs for which they disagree."""
    rows = tuple(_row(edge) for edge in graph.edges if "evidence" in edge.annotations)
    threshold = cast("float", graph.annotations["threshold"])
    caption = (
        "Labels: the increase of the labels' description length in nats without the edge and with "
        "the edge reversed, and the share of random halves of the labels in which it is found. "
        "The nats compare models with additive noise of even spread, in the effect's own unit or "
        "through a link. Where the spread depends on a cause, a wrong direction can win by many "
        "nats, so that a direction is told only if models of uneven noise agree. Oracle: the "
        "change of the effect in sds that is read back for each sd by "
        f"which do() moves the cause, all other concepts held; above {threshold:g} the edge is "
        "confirmed. Perception: the direction in the classifier's own readings of the concepts. "
        "'No edge' is evidence against the edge; 'not read', and 'found in the control' (the "
        "search finds the edge among independent concepts as well), are no evidence."
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
            "Note that directions come from the labels. A twin that obeys do() would confirm a "
            "reversed edge of the SCM layer as well; only perception is independent evidence of "
            "direction."
        )
    )
    return Section("Evidence for each edge", items)


def _row(edge: Edge) -> tuple[str, ...]:
    evidence = cast("dict[str, float | str | None]", edge.annotations["evidence"])
    nats = (evidence[name] for name in ("nats_over_none", "nats_over_reverse"))
    share = "not resampled" if edge.frequency is None else f"{edge.frequency:.0%}"
    weight = "" if edge.weight is None else f"{edge.weight:+.2f}"
    if edge.low is not None and edge.high is not None:
        weight += f" [{edge.low:.2f}, {edge.high:.2f}]"
    return (
        str(edge),
        ", ".join("—" if value is None else f"{value:.0f}" for value in nats),
        share,
        weight,
        str(evidence.get("perception", "not used")),
    )
