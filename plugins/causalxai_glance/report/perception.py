"""How well the classifier's perception of concepts is read, and the edges that readings hold."""

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
    """Show the instrument's figures, the control, and how often each edge is found."""
    false = ", ".join(f"{source} → {target}" for source, target in false_edges(graph))
    verdict = (
        f"Mind: among the reference images, where no edge is true, it finds {false}: "
        "the instrument is not clean, and these pairs get no edge."
        if false
        else "The same search finds no edge among the reference images, where none is true."
    )
    items: list[Text | Table] = [_instrument_table(graph), Text(verdict)]
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


def _instrument_table(graph: CausalGraph) -> Table:
    rows = []
    for name in graph.nodes:
        known = cast("Mapping[str, float]", graph.node(name).annotations)
        figures = [f"{known[column.key]:.3f}" for column in _COLUMNS]
        rows.append((name, *figures, str(known.get("unread", "read"))))
    return Table(
        ("concept", *(column.title for column in _COLUMNS), "verdict"),
        tuple(rows),
        "How well concepts are read from the classifier's own features on "
        f"{graph.annotations['reference_images']} images whose concepts are independent, and what "
        "a reading takes from another concept (sd per sd). The data set's own images can't judge a "
        "reading: the last figure tells how well a concept follows from the others' labels without "
        "any image.",
    )


def _edge_table(graph: CausalGraph) -> Table:
    rows = tuple(
        (
            str(edge),
            "" if edge.weight is None else f"{edge.weight:+.2f}",
            f"{edge.annotations['gain']:.3f}",
            "told" if edge.directed else "either way",
            "not repeated" if edge.frequency is None else f"{edge.frequency:.2f}",
        )
        for edge in graph.edges
    )
    return Table(
        ("edge", "slope (sd per sd)", "gain in R²", "direction", "frequency"),
        rows,
        "Edges that the readings hold. Either way: turned around, the edge describes the readings "
        f"within {UNDETERMINED:g} nats as well. Frequency: the share of "
        f"{graph.annotations['resamples']} random halves of the images in which they are found; "
        "with three concepts or more the search in a half begins at the graph of all images.",
    )
