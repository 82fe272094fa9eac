"""The sections of a run's report: each stage's result, drawn by the builder of its plugin."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from causalxai.concept_space import ConceptSpace
from causalxai.errors import ContractError
from causalxai.explainer import Explainer, Explanation
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.pipeline.watch import Watch
from causalxai.plugin import registry
from causalxai.plugin.provenance import Provenance
from causalxai.report.builder import ConceptReport, GraphReport, ReportInputs
from causalxai.report.graph_drawing import draw_graph
from causalxai.report.graph_view import GraphExtras, NodeMeaning
from causalxai.report.section import Section, fault_of_section


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


def report_sections(parts: ReportedParts, inputs: ReportInputs, watch: Watch) -> list[Section]:
    """Return the sections on the graph, then on the explanation, then on the concepts.

    Parameters
    ----------
    parts, inputs
        The plugins, and the results that they are shown with.
    watch
        Guards the calls into report builders.

    Raises
    ------
    PluginError
        If a plugin's report builder is broken.
    ContractError
        If it returns anything but sections, or changes what it is given.
    """
    draw = _Drawing(inputs, watch)
    concepts = ConceptReport() if parts.space is None else draw.of_concepts(*parts.space)
    found: list[Section] = []
    if parts.discoverer is not None and inputs.graph is not None:
        found += draw.of_graph(*parts.discoverer, inputs.graph, concepts.meanings)
    if parts.explainer is not None and inputs.explanation is not None:
        found += draw.of_explanation(*parts.explainer, inputs.explanation)
    return [*found, *concepts.sections]


@dataclass(frozen=True)
class _Drawing:
    inputs: ReportInputs
    watch: Watch

    def of_concepts(self, name: str, space: ConceptSpace) -> ConceptReport:
        """Return the sections on concepts, and what the concepts mean."""
        group: registry.ReportedGroup = "concept_spaces"
        build: Any = registry.load_report_builder(group, name)
        builder = registry.report_builder_provenance(group, name)
        if build is None or builder is None:
            return ConceptReport()
        with self.watch.over(builder, "the report"):
            report = ConceptReport.of(build(space, self.inputs))
            _sound(builder, report.sections)
        return report

    def of_explanation(
        self, name: str, explainer: Explainer, explanation: Explanation
    ) -> Sequence[Section]:
        """Return the sections on an explanation."""
        group: registry.ReportedGroup = "explainers"
        build: Any = registry.load_report_builder(group, name)
        builder = registry.report_builder_provenance(group, name)
        if build is None or builder is None:
            return ()
        with self.watch.over(builder, "the report"):
            return _sound(builder, build(explainer, explanation, self.inputs))

    def of_graph(
        self,
        name: str,
        discoverer: GraphDiscoverer,
        graph: CausalGraph,
        meanings: Mapping[str, NodeMeaning],
    ) -> Sequence[Section]:
        """Return the sections on a graph, which the report draws unless its builder does."""
        group: registry.ReportedGroup = "graph_discoverers"
        build: Any = registry.load_report_builder(group, name)
        builder = registry.report_builder_provenance(group, name)
        report = GraphReport()
        if build is not None and builder is not None:
            with self.watch.over(builder, "the report"):
                report = build(discoverer, graph, self.inputs)
                if not isinstance(report, GraphReport):
                    kind = type(report).__name__
                    raise ContractError(f"{builder} must return a GraphReport, not a {kind}")
                _sound(builder, report.sections)
        if report.draws_graph:
            return report.sections
        extras = report.extras or GraphExtras()
        both = (
            cast("MutableMapping[str, NodeMeaning]", one) for one in (extras.meanings, meanings)
        )
        drawing = draw_graph(graph, extras=replace(extras, meanings=ChainMap(*both)))
        return (Section("Causal graph", [drawing]), *report.sections)


def _sound(builder: Provenance, sections: Sequence[Section]) -> Sequence[Section]:
    """Return what a builder made; ContractError unless these are sections."""
    if not isinstance(sections, list | tuple):
        kind = type(sections).__name__
        raise ContractError(f"{builder} must return a list of sections, not a {kind}")
    for section in sections:
        fault = fault_of_section(section)
        if fault is not None:
            raise ContractError(f"{builder} returns a section that {fault}")
    return sections
