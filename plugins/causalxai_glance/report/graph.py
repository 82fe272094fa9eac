"""The discovered graph beside the true one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from causalxai.graph import CausalGraph, NodeKind
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.graph_drawing import Verdict, draw_graph, missed_edges, verdict_on
from causalxai.report.section import Figure, Section, Table, Text
from causalxai_glance.discoverer import GlanceDiscoverer
from causalxai_glance.report.evidence import evidence_section


def graph_report(
    discoverer: GlanceDiscoverer,  # noqa: ARG001
    graph: CausalGraph,
    inputs: ReportInputs,
) -> GraphReport:
    """Show the graph beside the true one, and the evidence for each edge."""
    sections = graph_section(graph, inputs.dataset.graph), evidence_section(graph)
    return GraphReport(sections, draws_graph=True)


def graph_section(
    graph: CausalGraph,
    truth: CausalGraph | None = None,
    *,
    title: str = "The graph of concepts",
    more: Sequence[Text | Table | Figure] = (),
) -> Section:
    """Show a discovered graph beside the true one, where that is known.

    Parameters
    ----------
    graph
        Over the named concepts, and the prediction.
    truth
        Over (some of) the same names.
    title
        The title of the section.
    more
        Further remarks of the discoverer.
    """
    items: list[Text | Table | Figure] = [draw_graph(graph, truth, caption=_caption(graph, truth))]
    if truth is not None:
        items.insert(0, Text(_score(graph, truth)))
    note = graph.annotations.get("false_edges")
    rate = [Text(str(note))] if note else []
    return Section(title, [*items, *rate, *more])


def _score(graph: CausalGraph, truth: CausalGraph) -> str:
    """Count correct, unoriented, reversed, additional and missing edges."""
    verdicts = Counter(verdict_on(edge, truth) for edge in graph.edges)
    turned = sum(truth.has_edge(edge.target, edge.source) for edge in graph.directed_edges)
    half = verdicts[Verdict.OPEN]
    opened = f"; with the direction left open: {half}" if half else ""
    more = verdicts[Verdict.WRONG] - turned
    return (
        f"True edges found: {verdicts[Verdict.RIGHT]} of {len(truth.edges)}{opened}; reversed: "
        f"{turned}; missed: {len(missed_edges(graph, truth))}; found that are not true: {more}."
    )


def _caption(graph: CausalGraph, truth: CausalGraph | None) -> str:
    said = (
        "Labels of arrows: the weight, in units of the effect (an sd, or presence) for one unit "
        "of the cause, and the share of resamples in which the edge is found, where known."
    )
    predictions = {node.name for node in graph.of_kind(NodeKind.PREDICTION)}
    if any(edge.target in predictions for edge in graph.edges):
        said += (
            " Arrows into the prediction: how far one unit of the concept moves the predicted "
            "probabilities (total variation distance, 0 to 1)."
        )
    if any(not edge.directed for edge in graph.edges):
        said += " A line without a head: the labels do not determine the direction."
    if truth is None:
        return f"The discovered graph. Green: a positive weight; orange: a negative one. {said}"
    beyond = any(verdict_on(edge, truth) is Verdict.UNKNOWN for edge in graph.edges)
    rest = " Grey: edges that the true graph does not cover." if beyond else ""
    return (
        "The true graph and the discovered one. Green and solid: right; orange and dashed: "
        f"reversed or additional; grey and dotted: missed.{rest} {said}"
    )
