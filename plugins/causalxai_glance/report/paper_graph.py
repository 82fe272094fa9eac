"""The edges that the paper's four steps found, and how reliable their directions are."""

from __future__ import annotations

from causalxai.graph import CausalGraph
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.section import Section, Table, Text
from causalxai_glance.paper_discoverer import PaperDiscoverer


def graph_report(
    discoverer: PaperDiscoverer,  # noqa: ARG001
    graph: CausalGraph,
    inputs: ReportInputs,  # noqa: ARG001
) -> GraphReport:
    """Show the edge weights in both directions, and their product."""
    rows = [
        (
            str(edge),
            f"{edge.weight:.2f}",
            f"{edge.annotations['reverse_weight']:.2f}",
            f"{edge.annotations['product']:.2f}",
            "" if edge.frequency is None else f"{edge.frequency:.0%}",
            f"{graph.node(edge.source).annotations['own_effect']:.2f}",
        )
        for edge in graph.edges
    ]
    columns = ("edge", "EW", "EW of the reverse", "product", "of resamples", "own effect")
    note = (
        "The direction is that of the larger edge weight. Where the product of the two is near 1, "
        "the twin moves along the data manifold whichever concept is set, and the direction is "
        "meaningless, although repeats on one twin agree. The own effect is the change of a "
        "concept's reading for one unit of its own do()."
    )
    title = "Edges by the paper's four steps"
    if not rows:
        return GraphReport((Section(title, [Text("No edge was found.")]),))
    return GraphReport((Section(title, [Text(note), Table(columns, tuple(rows))]),))
