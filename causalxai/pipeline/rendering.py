"""Renders the report of a run from the results of its pipeline."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from causalxai.config import ResolvedPlugin
from causalxai.errors import ContractError
from causalxai.pipeline.report_sections import ReportedParts, report_sections
from causalxai.report.builder import ReportInputs
from causalxai.report.page import Report, render_report
from causalxai.storage.record import Json, plain_json

if TYPE_CHECKING:
    from causalxai.pipeline.stages import Pipeline

Part = TypeVar("Part")

REPORT = "report"
"""The name of the report, which comes after all stages and metrics, among the keys."""


def render(pipeline: Pipeline) -> Report:
    """Return the report of a pipeline.

    Raises
    ------
    PluginError, ContractError
        If a plugin's report builder, or the summary of its fit, is broken.
    """
    spec, test = pipeline.spec, pipeline.dataset.test
    before = pipeline.discovery_inputs(REPORT)
    inputs = ReportInputs(**vars(before), graph=pipeline.graph, explanation=pipeline.explanation)
    parts = ReportedParts(
        space=_named(spec.concepts, pipeline.space),
        discoverer=_named(spec.graph, pipeline.discoverer),
        explainer=_named(spec.explain, pipeline.explainer),
    )
    page = render_report(
        spec,
        accuracy=pipeline.classifier.accuracy(test.images, test.labels),
        held_out=pipeline.held_out,
        graph=pipeline.graph,
        metrics=pipeline.metrics,
        sections=report_sections(parts, inputs, pipeline.watch),
    )
    return replace(page, fit=_summary(pipeline))


def _summary(pipeline: Pipeline) -> dict[str, Json]:
    """Return the figures of the fit of the concepts, which their space gives."""
    space, part = pipeline.space, pipeline.spec.concepts
    if space is None or part is None:
        return {}
    with pipeline.watch.over(part.provenance, "the summary of the fit"):
        try:
            return {name: plain_json(value, name) for name, value in space.summary().items()}
        except ValueError as error:
            raise ContractError(f"{part.provenance}: the summary of the fit: {error}") from error


def _named(plugin: ResolvedPlugin[Any] | None, part: Part | None) -> tuple[str, Part] | None:
    return None if plugin is None or part is None else (plugin.provenance.name, part)
