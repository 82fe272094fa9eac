"""Renders the report of a run from the results of its stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from causalxai.classifier import Classifier
from causalxai.config import ResolvedPlugin, ResolvedSpec
from causalxai.errors import ContractError
from causalxai.explainer import Explainer, Explanation
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.metric import MetricResult
from causalxai.metrics.edited_attribute import EditedAttribute
from causalxai.oracle import Oracle
from causalxai.pipeline.edited_images import edited_section
from causalxai.pipeline.report_sections import ReportedParts, report_sections
from causalxai.pipeline.ruler_trust import ruler_section
from causalxai.pipeline.watch import Watch
from causalxai.plugin.provenance import Provenance
from causalxai.report.builder import ReportInputs
from causalxai.report.export import exported
from causalxai.report.image_cards import ImageCard, image_cards
from causalxai.report.page import Report, render_report
from causalxai.report.plots import FigureKind, saved_also_as
from causalxai.report.section import Section
from causalxai.storage.record import Json, plain_json

Part = TypeVar("Part")

REPORT = "report"
"""The name of the report, which comes after all stages and metrics, among the keys."""


@dataclass(frozen=True)
class ReportedRun:
    """A run as its report shows it.

    Parameters
    ----------
    spec
        The resolved spec.
    inputs
        The results of the stages.
    discoverer, explainer
        The parts that found the graph and the explanation, where the run has them.
    metrics
        The scores.
    held_out
        Whether the classifier was never trained on the test images; ``None`` if not known.
    """

    spec: ResolvedSpec
    inputs: ReportInputs
    discoverer: GraphDiscoverer | None
    explainer: Explainer | None
    metrics: Sequence[MetricResult]
    held_out: bool | None


def render(run: ReportedRun, watch: Watch) -> Report:
    """Return the report of a run.

    Parameters
    ----------
    run
        The run.
    watch
        Guards the calls into plugins.

    Raises
    ------
    PluginError, ContractError
        If a plugin's report builder, or the summary of its fit, is broken.
    """
    spec, inputs = run.spec, run.inputs
    test = inputs.dataset.test
    page = render_report(
        spec,
        accuracy=inputs.classifier.accuracy(test.images, test.labels),
        held_out=run.held_out,
        graph=inputs.graph,
        metrics=run.metrics,
        sections=_sections(run, watch),
        explanation=inputs.explanation,
        cards=_cards(run, watch),
    )
    return replace(page, fit=_summary(run, watch))


def export(run: ReportedRun, watch: Watch, kind: FigureKind) -> dict[str, bytes]:
    """Return the report's figures in a format, and its tables as CSV and LaTeX, by file name.

    Parameters
    ----------
    run, watch
        As for ``render``.
    kind
        The format.
    """
    with saved_also_as(kind):
        return exported(_sections(run, watch), kind)


def _sections(run: ReportedRun, watch: Watch) -> list[Section]:
    spec, inputs = run.spec, run.inputs
    parts = ReportedParts(
        space=_named(spec.concepts, inputs.space),
        discoverer=_named(spec.graph, run.discoverer),
        explainer=_named(spec.explain, run.explainer),
    )
    sections = report_sections(parts, inputs, watch)
    # What is asked for the sections of the core must not change what the plugins draw.
    asked = any(result.metric == EditedAttribute.name for result in run.metrics)
    more = [edited_section(inputs)] if asked else []
    if spec.oracle is not None:
        with watch.over(spec.oracle.provenance, "the report"):
            more.append(ruler_section(inputs))
    return [*sections, *(section for section in more if section is not None)]


def cards_of(
    explanation: Explanation,
    classifier: Classifier,
    oracle: tuple[Provenance, Oracle] | None,
    watch: Watch,
    names: Sequence[str] | None = None,
) -> Sequence[ImageCard]:
    """Return cards of some images, or of all that have names.

    Parameters
    ----------
    explanation, classifier, names
        As for ``causalxai.report.image_cards.image_cards``.
    oracle
        The run's oracle and where it comes from, where the run has one.
    watch
        Guards the calls into the oracle.
    """
    if oracle is None:
        return image_cards(explanation, classifier, names=names)
    with watch.over(oracle[0], "the report"):
        return image_cards(explanation, classifier, oracle[1], names)


def _cards(run: ReportedRun, watch: Watch) -> Sequence[ImageCard]:
    inputs, part = run.inputs, run.spec.oracle
    if inputs.explanation is None:
        return ()
    known = None if part is None or inputs.oracle is None else (part.provenance, inputs.oracle)
    return cards_of(inputs.explanation, inputs.classifier, known, watch)


def _summary(run: ReportedRun, watch: Watch) -> dict[str, Json]:
    """Return the figures of the fit of the concepts, which their space gives."""
    space, part = run.inputs.space, run.spec.concepts
    if space is None or part is None:
        return {}
    with watch.over(part.provenance, "the summary of the fit"):
        try:
            return {name: plain_json(value, name) for name, value in space.summary().items()}
        except ValueError as error:
            raise ContractError(f"{part.provenance}: the summary of the fit: {error}") from error


def _named(plugin: ResolvedPlugin[Any] | None, part: Part | None) -> tuple[str, Part] | None:
    return None if plugin is None or part is None else (plugin.provenance.name, part)
