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
    """Show edges without a direction, changes of the method's claims, and how often it errs."""
    said = [
        f"{say}: {edges_in_words(graph.edges_of(kind))}."
        for kind, say in _OPEN.items()
        if graph.edges_of(kind)
    ]
    repairs = cast("list[str]", graph.annotations.get("repairs", []))
    if repairs:
        changes = "; ".join(repairs)
        said.append(f"Changed because of background knowledge or cycles: {changes}.")
    sections = [Section("Undetermined edges of the graph", [Text(text) for text in said])]
    note = graph.annotations.get("false_edges")
    rate = [Section("False edges", [Text(str(note))])] if note else []
    return GraphReport((*(sections if said else ()), *rate))


_OPEN = {
    EdgeKind.UNDIRECTED: "Adjacent pairs whose direction the observations do not determine",
    EdgeKind.BIDIRECTED: "Pairs that seem to have an unobserved common cause",
}
