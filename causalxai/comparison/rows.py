"""The outcome of one run of a comparison, and its rows in the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from causalxai.capabilities import OFFERED_BY_DATA, Capability
from causalxai.config import Cell, ResolvedSpec, Stage
from causalxai.metric import AttributionSpace, Estimate, Metric, MetricResult
from causalxai.pipeline.keys import labelled_metrics
from causalxai.storage.cost import Cost
from causalxai.storage.record import Json
from causalxai.storage.store import digest

Row: TypeAlias = dict[str, Any]


class RowKind(StrEnum):
    """The kind of value in a row of a comparison's table."""

    SCORE = "score"
    CHANCE = "chance"
    PART = "part"
    CONTROL = "control"
    FIT = "fit"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a finished run.

    Parameters
    ----------
    reason
        Why it failed; empty if it did not.
    directory
        The directory of its report.
    metrics
        The scores.
    fit
        The figures of the concept space's fit.
    costs
        The cost of each stage when it was computed, in this comparison or earlier.
    computed
        The stages that were not in the store.
    """

    reason: str = ""
    directory: Path | None = None
    metrics: tuple[MetricResult, ...] = ()
    fit: Mapping[str, Json] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)
    computed: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """``ok`` or ``failed``."""
        return "failed" if self.reason else "ok"


@dataclass(frozen=True)
class Entry:
    """A finished run of a comparison: its cell and its outcome."""

    cell: Cell
    outcome: Outcome

    @property
    def cost(self) -> Cost | None:
        """The cost of the stages that the run is ``charged`` with; ``None`` if unknown."""
        if self.outcome.reason:
            # Its plugins may be the reason, and cannot be asked what they need.
            return None
        costs, own = self.outcome.costs, charged(self.cell.spec)
        if not costs.keys() >= set(own):
            return None
        return sum((costs[stage] for stage in own), Cost())

    def rows(self) -> Iterator[Row]:
        """Yield the rows of each metric: its score, parts, chance level and controls."""
        shared = {**self.cell.labels, "control": self.cell.control, **self._cost_columns()}
        for row in self._failed() if self.outcome.reason else self._scores():
            yield {**shared, **row}

    def _cost_columns(self) -> Row:
        cost = self.cost
        # 0 answers mean that the oracle was not used.
        return {} if cost is None else {"seconds": cost.seconds, "answers": cost.answers or None}

    def _failed(self) -> Iterator[Row]:
        metrics = labelled_metrics(self.cell.spec)
        why = {"kind": RowKind.SCORE, "name": "", "status": "failed", "reason": self.outcome.reason}
        for label, part in metrics.items():
            metric = part.plugin_class
            about = {"vocabulary": vocabulary(self.cell.spec, metric, None)}
            yield {"metric": label, "higher_is_better": metric.higher_is_better, **about, **why}
        if not metrics:
            yield {"metric": "", **why}

    def _scores(self) -> Iterator[Row]:
        metrics = labelled_metrics(self.cell.spec)
        for result in self.outcome.metrics:
            metric = metrics[result.metric].plugin_class if result.metric in metrics else None
            about = vocabulary(self.cell.spec, metric, result.read)
            yield from _rows_of(result, about)
        for name, value in _numbers(self.outcome.fit):
            yield {**_OK, "metric": "", "kind": RowKind.FIT, "name": name, "value": value}
        if not self.outcome.metrics and not self.outcome.fit:
            yield {**_OK, "metric": "", "kind": RowKind.SCORE, "name": ""}


_OK: Row = {"status": "ok"}


def charged(spec: ResolvedSpec) -> list[str]:
    """Return the stages that a run is charged with.

    These are ``explain``; ``graph`` if the explainer requires it or a metric scores it; and
    ``concepts`` if either requires more than the data set offers. Metrics are not charged, because
    their cost is not a cost of the method.
    """
    needed = spec.explain.requires() if spec.explain else frozenset()
    scored = [part.plugin_class.requires for part in spec.metrics]
    graph = any(Capability.GRAPH in requires for requires in (needed, *scored))
    if graph and spec.graph is not None:
        needed = needed - {Capability.GRAPH} | spec.graph.requires()
    is_charged = {
        Stage.CONCEPTS: bool(needed - OFFERED_BY_DATA),
        Stage.GRAPH: graph,
        Stage.EXPLAIN: True,
    }
    return [stage for stage in spec.stages if is_charged.get(stage, False)]


def _rows_of(result: MetricResult, about: str) -> Iterator[Row]:
    known = {
        "metric": result.metric,
        "vocabulary": about,
        "read": "" if result.read is None else str(result.read),
        "translated": result.translated,
        "higher_is_better": result.higher_is_better,
    }
    yield {
        **known,
        **_bounds(result),
        "kind": RowKind.SCORE,
        "name": "",
        "status": result.status,
        "reason": result.reason,
        **_columns(result.estimate),
    }
    others = {
        RowKind.CHANCE: {} if result.chance is None else {"": result.chance},
        RowKind.PART: result.parts,
        RowKind.CONTROL: result.controls,
    }
    for kind, estimates in others.items():
        # Parts have scales of their own, which need not be that of the score.
        bounds = {} if kind is RowKind.PART else _bounds(result)
        for name, estimate in estimates.items():
            row = {"kind": kind, "name": name, "status": result.status, **_columns(estimate)}
            yield {**known, **bounds, **row}


def _bounds(result: MetricResult) -> Row:
    least, most = result.value_range
    return {"least": least, "most": most}


def _columns(estimate: Estimate | None) -> Row:
    if estimate is None:
        return {}
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}


def _numbers(fit: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    """Yield the figures that are numbers, including those in mappings one level below."""
    for name, figure in fit.items():
        inner = figure if isinstance(figure, dict) else None
        named = {name: figure} if inner is None else {f"{name}: {k}": v for k, v in inner.items()}
        for label, value in named.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield label, float(value)


def vocabulary(
    spec: ResolvedSpec, metric: type[Metric] | None, read: AttributionSpace | None
) -> str:
    """Return an identifier of the concepts, and of the oracle, that a score is about.

    Scores with different vocabularies are not comparable.

    Parameters
    ----------
    spec
        The spec of the run.
    metric
        The metric.
    read
        The attribution space that the metric read, as in ``MetricResult``.
    """
    if read is not AttributionSpace.CONCEPTS and (metric is None or not metric.about_concepts):
        return ""
    asked = [spec.stages.get(stage) for stage in (Stage.CONCEPTS, Stage.ORACLE)]
    if asked[0] is None:
        # Without a concept space, the concepts of an explanation are its explainer's own.
        asked = [spec.explain]
    parts = [part for part in asked if part is not None]
    described = digest({"parts": [part.to_data() for part in parts]})
    return f"{parts[0].provenance.name} {described[:8]}" if parts else ""
