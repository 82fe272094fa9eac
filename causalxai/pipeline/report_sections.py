"""The sections of a run's report: each stage's result, drawn by the builder of its plugin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causalxai.concept_space import ConceptSpace
from causalxai.explainer import Explainer
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.plugin import registry
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.graph_drawing import draw_graph
from causalxai.report.section import Section


@dataclass(frozen=True)
class ReportedParts:
    """The plugins whose results a report shows, each with its registered name.

    Parameters
    ----------
    space, discoverer, explainer
        The plugin and its name, or ``None`` for a stage that the run does not have.
    """

    space: tuple[str, ConceptSpace] | None = None
    discoverer: tuple[str, GraphDiscoverer] | None = None
    explainer: tuple[str, Explainer] | None = None


def report_sections(parts: ReportedParts, inputs: ReportInputs) -> list[Section]:
    """Return the sections on the graph, then on the explanation, then on the concepts.

    Raises
    ------
    PluginError
        If a plugin's report builder is broken.
    """
    return [
        *_graph_sections(parts, inputs),
        *_explanation_sections(parts, inputs),
        *_concept_sections(parts, inputs),
    ]


def _graph_sections(parts: ReportedParts, inputs: ReportInputs) -> Sequence[Section]:
    if parts.discoverer is None or inputs.graph is None:
        return ()
    name, discoverer = parts.discoverer
    build = registry.load_report_builder("graph_discoverers", name)
    report = GraphReport() if build is None else build(discoverer, inputs.graph, inputs)
    if report.draws_graph:
        return report.sections
    return (Section("Causal graph", [draw_graph(inputs.graph)]), *report.sections)


def _explanation_sections(parts: ReportedParts, inputs: ReportInputs) -> Sequence[Section]:
    if parts.explainer is None or inputs.explanation is None:
        return ()
    name, explainer = parts.explainer
    build = registry.load_report_builder("explainers", name)
    return () if build is None else build(explainer, inputs.explanation, inputs)


def _concept_sections(parts: ReportedParts, inputs: ReportInputs) -> Sequence[Section]:
    if parts.space is None:
        return ()
    name, space = parts.space
    build = registry.load_report_builder("concept_spaces", name)
    return () if build is None else build(space, inputs)
