"""How well concepts are read from the classifier's features, and the edges in these readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from causalxai.graph import CausalGraph
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.section import Section, Table, Text
from causalxai_glance.edge_evidence import UNDETERMINED
from causalxai_glance.perception.perceived import PerceivedDiscoverer
from causalxai_glance.perception_evidence import false_edges


def graph_report(
    discoverer: PerceivedDiscoverer,  # noqa: ARG001
    graph: CausalGraph,
    inputs: ReportInputs,  # noqa: ARG001
) -> GraphReport:
    """Show the measures of the readings, the control, and how often each edge is found."""
    false = ", ".join(f"{source} → {target}" for source, target in false_edges(graph))
    verdict = (
        "Note: among the reference images, whose concepts are independent, the search finds "
        f"{false}. These edges are false, so that the readings of these pairs are not reliable, "
        "and the pairs get no edge."
        if false
        else "The same search finds no edge among the reference images of independent concepts."
    )
    items: list[Text | Table] = [_reading_table(graph), Text(verdict)]
    if graph.edges:
        items.append(_edge_table(graph))
    return GraphReport((Section("What the classifier perceives", items),))


@dataclass(frozen=True)
class _Column:
    key: str
    title: str


_COLUMNS = (
    _Column("r2", "R² on references"),
    _Column("cross_talk", "cross-talk"),
    _Column("agreement", "r² on the data set"),
    _Column("others_alone", "R² from the others alone"),
)


def _reading_table(graph: CausalGraph) -> Table:
    rows = []
    for name in graph.nodes:
        known = cast("Mapping[str, float]", graph.node(name).annotations)
        figures = [f"{known[column.key]:.3f}" for column in _COLUMNS]
        rows.append((name, *figures, str(known.get("unread", "read"))))
    return Table(
        ("concept", *(column.title for column in _COLUMNS), "verdict"),
        tuple(rows),
        "How well concepts are read from the classifier's own features on "
        f"{graph.annotations['reference_images']} images whose concepts are independent, and the "
        "cross-talk, the largest influence of another concept on a reading (sd per sd). Readings "
        "cannot be judged on the data set's own images: the last column states how well a "
        "concept is predicted from the other labels without any image.",
    )


def _edge_table(graph: CausalGraph) -> Table:
    rows = tuple(
        (
            str(edge),
            "" if edge.weight is None else f"{edge.weight:+.2f}",
            f"{edge.annotations['gain']:.3f}",
            "oriented" if edge.directed else "unoriented",
            "not repeated" if edge.frequency is None else f"{edge.frequency:.2f}",
        )
        for edge in graph.edges
    )
    return Table(
        ("edge", "slope (sd per sd)", "gain in R²", "direction", "frequency"),
        rows,
        "Edges in the readings. Unoriented: the reversed edge describes the readings equally "
        f"well, within {UNDETERMINED:g} nats. Frequency: the share of "
        f"{graph.annotations['resamples']} random halves of the images in which the edge is "
        "found; with three or more concepts, the search in a half starts from the graph of all "
        "images.",
    )
