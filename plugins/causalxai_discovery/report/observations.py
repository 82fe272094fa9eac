"""The report on undetermined edges of a graph that was found in observations."""

from __future__ import annotations

from typing import cast

from causalxai.graph import CausalGraph, EdgeKind, edges_in_words
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.section import Section, Text
from causalxai_discovery.observations import ObservationDiscoverer


def graph_report(
    discoverer: ObservationDiscoverer,  # noqa: ARG001
    graph: CausalGraph,
    inputs: ReportInputs,  # noqa: ARG001
) -> GraphReport:
    """Show the edges without a direction, and the changes of the method's claims."""
    said = [
        f"{say}: {edges_in_words(graph.edges_of(kind))}."
        for kind, say in _OPEN.items()
        if graph.edges_of(kind)
    ]
    repairs = cast("list[str]", graph.annotations.get("repairs", []))
    if repairs:
        changes = "; ".join(repairs)
        said.append(f"Changed because of background knowledge or cycles: {changes}.")
    items = [Text(text) for text in said]
    return GraphReport((Section("Undetermined edges of the graph", items),) if items else ())


_OPEN = {
    EdgeKind.UNDIRECTED: "Adjacent pairs whose direction the observations do not determine",
    EdgeKind.BIDIRECTED: "Pairs that seem to have an unobserved common cause",
}
