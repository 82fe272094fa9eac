"""What a graph that was found in observations leaves open."""

from __future__ import annotations

from causalxai.graph import CausalGraph
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.section import Section, Text
from causalxai_discovery.observations import ObservationDiscoverer


def graph_report(
    discoverer: ObservationDiscoverer,
    graph: CausalGraph,
    inputs: ReportInputs,  # noqa: ARG001
) -> GraphReport:
    """Show the neighbours without a direction, and what was done to the method's claims."""
    known = [
        Text(f"{say}: {graph.meta[key]}.")
        for key, say in discoverer.says.items()
        if key in graph.meta
    ]
    return GraphReport((Section("What the graph leaves open", known),) if known else ())
