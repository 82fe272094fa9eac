"""The discovered graph beside the true one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import cast

from causalxai.explainer import Explanation
from causalxai.graph import CausalGraph, NodeKind
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.graph_drawing import (
    Verdict,
    draw_graph,
    missed_edges,
    verdict_on,
)
from causalxai.report.graph_view import GraphExtras, NodeMeaning
from causalxai.report.pictures import Thumbnail, thumbnail
from causalxai.report.section import Figure, Section, Table, Text
from causalxai.storage.record import Json
from causalxai_glance.discoverer import GlanceDiscoverer
from causalxai_glance.report.evidence import evidence_section
from causalxai_glance.report.twin import doubt_of_twin

_MOST_NAMED = 4


def graph_report(
    discoverer: GlanceDiscoverer,  # noqa: ARG001
    graph: CausalGraph,
    inputs: ReportInputs,
) -> GraphReport:
    """Show the graph beside the true one, and the evidence for each edge."""
    extras = GraphExtras(concept_meanings(inputs.explanation), _apart(graph))
    section = graph_section(graph, inputs.dataset.graph, extras=extras)
    sections = section, evidence_section(graph)
    return GraphReport(sections, draws_graph=True)


def graph_section(
    graph: CausalGraph,
    truth: CausalGraph | None = None,
    *,
    title: str = "The graph of concepts",
    more: Sequence[Text | Table | Figure] = (),
    extras: GraphExtras | None = None,
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
    extras
        What nodes mean, and edges that are drawn apart.
    """
    drawing = draw_graph(
        graph, truth, caption=_caption(graph, truth), extras=extras or GraphExtras()
    )
    items: list[Text | Table | Figure] = [drawing]
    if truth is not None:
        items.insert(0, Text(_score(graph, truth)))
    note = graph.annotations.get("false_edges")
    rate = [Text(str(note))] if note else []
    unfaithful = cast("list[str]", graph.annotations.get("unfaithful") or [])
    return Section(
        title, [*items, *rate, *more], finding=_finding(graph), doubt=doubt_of_twin(unfaithful)
    )


def _finding(graph: CausalGraph) -> str:
    """Say which edges join concepts, and which concept moves the prediction most."""
    predictions = {node.name for node in graph.of_kind(NodeKind.PREDICTION)}
    joining = [edge for edge in graph.edges if edge.target not in predictions]
    moving = [
        edge
        for edge in graph.edges
        if edge.target in predictions and edge.weight is not None and not edge.doubt
    ]
    shown = ", ".join(map(str, joining[:_MOST_NAMED]))
    more = ", …" if len(joining) > _MOST_NAMED else ""
    edges = "1 edge" if len(joining) == 1 else f"{len(joining)} edges"
    said = (
        f"Between the concepts, {edges} {'was' if len(joining) == 1 else 'were'} found: "
        f"{shown}{more}"
        if joining
        else "No edge was found between the concepts"
    )
    if not moving:
        return f"{said}."
    most = max(moving, key=lambda edge: edge.weight or 0.0)
    return (
        f"{said}; the prediction is moved most by {most.source}, one unit of which shifts "
        f"{most.weight:.2f} of the probability."
    )


def concept_meanings(explanation: Explanation | None) -> dict[str, NodeMeaning]:
    """Return what each concept means: pictures of what-ifs that change it alone."""
    if explanation is None:
        return {}
    pictures: dict[str, list[Thumbnail]] = defaultdict(list)
    first: dict[str, int] = {}
    for what_if in explanation.what_ifs:
        if what_if.image is None or len(what_if.changes) != 1:
            continue
        (change,) = what_if.changes
        if first.setdefault(change.concept, what_if.row) == what_if.row:
            klass = int(explanation.target[what_if.row])
            caption = f"{change.words}: {what_if.confidence(klass):.0%}"
            picture = thumbnail(what_if.image)
            pictures[change.concept].append(Thumbnail(picture, caption, caption))
    text = "What-ifs of one image, with the confidence in its class."
    return {concept: NodeMeaning(text, shown) for concept, shown in pictures.items()}


def _apart(graph: CausalGraph) -> dict[str, list[tuple[str, str]]]:
    """Return the edges that labels and oracle do not agree on."""
    kinds = {
        "not perceived: found in the labels alone": "not_perceived",
        "perceived only: not found in the labels": "perceived_only",
    }
    return {
        name: [
            (str(edge["source"]), str(edge["target"]))
            for edge in cast("list[Mapping[str, Json]]", graph.annotations.get(key) or [])
        ]
        for name, key in kinds.items()
    }


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
    doubted = (
        " Purple and dotted: not to be believed, because the twin is not faithful in the concept."
        if any(edge.doubt for edge in graph.edges)
        else ""
    )
    if truth is None:
        return (
            "The discovered graph. Green: a positive weight; orange: a negative one; dark: no "
            f"sign.{doubted} {said}"
        )
    beyond = any(verdict_on(edge, truth) is Verdict.UNKNOWN for edge in graph.edges)
    rest = " Grey: edges that the true graph does not cover." if beyond else ""
    return (
        "The true graph and the discovered one. Dark and solid: right; purple and dashed: "
        f"reversed or additional; grey and dotted: missed.{rest}{doubted} {said}"
    )
