"""The stages of a run; each is computed, or read from the store, when it is first needed."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, TypeVar

import torch

from causalxai.capabilities import OFFERED_BY_DATA, Capability, offered_by, require
from causalxai.classifier import Classifier
from causalxai.concept_space import ConceptSpace
from causalxai.config import ResolvedPlugin, ResolvedSpec, Stage
from causalxai.dataset import Dataset
from causalxai.errors import NotStoredError
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import DiscoveryInputs
from causalxai.metric import Metric, MetricResult, ScoringInputs
from causalxai.oracle import Oracle, QueryLedger
from causalxai.pipeline.budget import check_budget, within_budget
from causalxai.pipeline.images import select_images
from causalxai.pipeline.keys import labelled_metrics, stage_keys
from causalxai.pipeline.meter import Meter
from causalxai.pipeline.report_sections import ReportedParts, report_sections
from causalxai.progress import SILENT, Progress
from causalxai.report.builder import ReportInputs
from causalxai.report.page import Report, render_report
from causalxai.seeding import torch_generator
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.cost import Cost
from causalxai.storage.record import Record
from causalxai.storage.store import Store

Value = TypeVar("Value")
Fresh = Literal["nothing", "report", "everything"]

REPORT = "report"
"""The name of the report, which comes after all stages and metrics, among the keys."""

_logger = logging.getLogger(__name__)


class Pipeline:
    """dataset → classifier → concepts → oracle → graph → explain → metrics → report.

    The stages from concepts to explain may be absent; their results are then ``None``.

    Parameters
    ----------
    spec
        The resolved spec.
    store
        The store of results.
    device
        The device of the networks.
    progress
        Receives reports on the progress of long work.
    fresh
        What to compute again although it is stored.
    fingerprints
        The known fingerprints of parts. Pipelines that use the same files share them, so that
        each file is read once; the files must not change meanwhile.
    """

    def __init__(
        self,
        spec: ResolvedSpec,
        store: Store,
        *,
        device: torch.device,
        progress: Progress = SILENT,
        fresh: Fresh = "nothing",
        fingerprints: MutableMapping[str, str] | None = None,
    ) -> None:
        self.spec = spec
        self.store = store
        self.device = device
        self.progress = progress
        self.fresh = fresh
        self.reused: list[str] = []
        self.computed: list[str] = []
        self._costs: dict[str, Cost] = {}
        self._meters: dict[str, Meter] = {}
        self._fingerprints = {} if fingerprints is None else fingerprints
        self._source = spec.dataset.build()
        self._trainer = spec.classifier.build()
        self._discoverer = spec.graph.build() if spec.graph else None
        self._explainer = spec.explain.build() if spec.explain else None

    @property
    def plugins(self) -> dict[str, ResolvedPlugin[Any]]:
        """The plugins by stage, metrics as ``metrics.name``."""
        return {
            **{str(stage): part for stage, part in self.spec.stages.items()},
            **{f"metrics.{label}": part for label, part in self._metrics.items()},
        }

    @cached_property
    def _metrics(self) -> dict[str, ResolvedPlugin[Metric]]:
        return labelled_metrics(self.spec)

    @cached_property
    def keys(self) -> dict[str, str]:
        """The key of each stage's result."""
        return stage_keys(self.spec, self.plugins, self.device, self._fingerprints)

    @property
    def costs(self) -> dict[str, Cost]:
        """The cost of each stage's result when it was computed, now or in an earlier run.

        Stages whose cost is unknown, or whose result is not stored, are left out.
        """
        stored = {stage: self.store.cost(stage, key) for stage, key in self.keys.items()}
        latest = {stage: self._costs.get(stage, cost) for stage, cost in stored.items()}
        return {stage: cost for stage, cost in latest.items() if cost is not None}

    @cached_property
    def dataset(self) -> Dataset:
        """The data set. It is not stored here: sources cache what is slow to make."""
        _logger.info("dataset: loading %s", self.spec.dataset.provenance.name)
        return self._source.load(rng=self._rng("dataset"), progress=self.progress)

    @cached_property
    def classifier(self) -> Classifier:
        """The trained classifier, examined on some of the data set's own images."""
        classifier = self._stage(
            "classifier",
            self._train,
            self._trainer.to_record,
            lambda record: self._trainer.restore(record, self.dataset, self.device),
        )
        classifier.examine(self.dataset.test.images)
        return classifier

    def _train(self) -> Classifier:
        self._require_needs()
        return self._trainer.fit(
            self.dataset,
            rng=self._rng("classifier"),
            device=self.device,
            progress=self.progress,
            checkpoint=self._checkpoint("classifier"),
        )

    @cached_property
    def space(self) -> ConceptSpace | None:
        """The fitted concept space."""
        if self.spec.concepts is None:
            return None
        space = self.spec.concepts.build()
        return self._stage(
            "concepts",
            lambda: space.fit(
                self.classifier,
                self.dataset,
                rng=self._rng("concepts"),
                progress=self.progress,
                checkpoint=self._checkpoint("concepts"),
            ),
            lambda fitted: fitted.to_record(),
            lambda record: space.restore(record, self.classifier),
        )

    @cached_property
    def oracle(self) -> Oracle | None:
        """The bound oracle; it is not stored."""
        if self.spec.oracle is None or self.space is None:
            return None
        ceiling = self.spec.memory_mb * 2**20
        oracle = self.spec.oracle.build()
        return oracle.bind(self.classifier, self.space, memory_ceiling=ceiling)

    @cached_property
    def graph(self) -> CausalGraph | None:
        """The discovered graph."""
        discoverer = self._discoverer
        if discoverer is None:
            return None
        return self._stage(
            Stage.GRAPH,
            lambda: discoverer.discover(self.discovery_inputs(Stage.GRAPH)),
            lambda graph: Record(meta=graph.to_json()),
            lambda record: CausalGraph.from_json(record.meta),
        )

    @cached_property
    def explanation(self) -> Explanation | None:
        """The explanation of the selected images; CapabilityError if it exceeds the budget."""
        explainer = self._explainer
        if explainer is None:
            return None
        found = self._stage(
            Stage.EXPLAIN,
            lambda: self._explain(explainer),
            Explanation.to_record,
            Explanation.from_record,
        )
        check_budget(self.spec, self.costs.get(Stage.EXPLAIN))
        return found

    @cached_property
    def metrics(self) -> tuple[MetricResult, ...]:
        """The scores, in the order of the spec."""
        return tuple(self._score(label, part) for label, part in self._metrics.items())

    @cached_property
    def report(self) -> Report:
        """The report, one HTML page, and its figures."""
        return self._stage(
            REPORT,
            self._render,
            Report.to_record,
            Report.from_record,
            keep=lambda _: all(_worth_keeping(result) for result in self.metrics),
        )

    def _require_needs(self) -> None:
        """Check before any training that later stages get what they need from the data set.

        Raises
        ------
        CapabilityError
            If the discoverer or the explainer needs something that the data set does not offer.
            What they need from other stages was checked with the spec.
        """
        offered = offered_by(self.dataset) | (frozenset(Capability) - OFFERED_BY_DATA)
        for part in (self._discoverer, self._explainer):
            if part is not None:
                require(part.requires, offered, type(part).__name__)

    def require_results(self) -> None:
        """Check that the report can be rendered from the store.

        Raises
        ------
        NotStoredError
            If the result of a stage is missing or damaged.
        """
        not_stored = (Stage.DATASET, Stage.ORACLE, REPORT)
        stages = [stage for stage in self.keys if stage not in not_stored]
        missing = [stage for stage in stages if self._stored(stage) is None]
        if missing:
            raise NotStoredError(
                f"{self.store.root} has no results for {', '.join(missing)}: they were computed "
                "elsewhere, with other versions or on another kind of device, or failed; "
                "run the spec again"
            )

    def _explain(self, explainer: Explainer) -> Explanation:
        rng = self._rng("images")
        images, target = select_images(self.spec.images, self.classifier, self.dataset, rng)
        inputs = self.explanation_inputs(Stage.EXPLAIN)
        ledger = QueryLedger() if self.oracle is None else self.oracle.ledger
        with within_budget(self.spec, ledger):
            return explainer.explain(images, target, inputs)

    def _score(self, label: str, part: ResolvedPlugin[Metric]) -> MetricResult:
        metric = part.build()
        stage = f"metrics.{label}"
        return self._stage(
            stage,
            lambda: replace(
                metric.compute(self.explanation, self.scoring_inputs(stage)), metric=label
            ),
            lambda result: Record(meta=result.to_json()),
            lambda record: MetricResult.from_json(record.meta),
            keep=_worth_keeping,
        )

    def _render(self) -> Report:
        inputs = ReportInputs(
            classifier=self.classifier,
            dataset=self.dataset,
            rng=self._rng(REPORT),
            progress=self.progress,
            space=self.space,
            oracle=self.oracle,
            graph=self.graph,
            explanation=self.explanation,
        )
        parts = ReportedParts(
            space=_named(self.spec.concepts, self.space),
            discoverer=_named(self.spec.graph, self._discoverer),
            explainer=_named(self.spec.explain, self._explainer),
        )
        test = self.dataset.test
        page = render_report(
            self.spec,
            accuracy=self.classifier.accuracy(test.images, test.labels),
            graph=self.graph,
            metrics=self.metrics,
            sections=report_sections(parts, inputs),
        )
        return page if self.space is None else replace(page, fit=self.space.summary())

    def discovery_inputs(self, stage: str) -> DiscoveryInputs:
        """Return the inputs of a discoverer, with the random generator of ``stage``."""
        return DiscoveryInputs(
            classifier=self.classifier,
            dataset=self.dataset,
            rng=self._rng(stage),
            progress=self.progress,
            space=self.space,
            oracle=self.oracle,
        )

    def explanation_inputs(self, stage: str) -> ExplanationInputs:
        """Return the inputs of an explainer, with the random generator of ``stage``."""
        before = self.discovery_inputs(stage)
        return ExplanationInputs(**vars(before), graph=self.graph, discoverer=self._discoverer)

    def scoring_inputs(self, stage: str) -> ScoringInputs:
        """Return the inputs of a metric, with the random generator of ``stage``."""
        before = self.explanation_inputs(stage)
        return ScoringInputs(**vars(before), explainer=self._explainer, source=self._trainer)

    def _rng(self, stage: str) -> torch.Generator:
        return torch_generator(self.spec.seed, stage)

    def _stage(
        self,
        stage: str,
        compute: Callable[[], Value],
        to_record: Callable[[Value], Record],
        from_record: Callable[[Record], Value],
        keep: Callable[[Value], bool] = lambda _: True,
    ) -> Value:
        key = self.keys[stage]
        record = self._stored(stage)
        if record is None:
            # The inputs are computed first, so that only one stage's lock is held at a time.
            self._prepare(stage)
            with self.store.locked(stage, key):
                record = self._stored(stage)
                if record is None:
                    self._meters[stage] = meter = self._meter(stage)
                    value = compute()
                    self._costs[stage] = cost = meter.read()
                    if keep(value):
                        self.store.write(stage, key, to_record(value), cost)
                    self.computed.append(stage)
                    _logger.info("%s: computed in %.1f s", stage, cost.seconds)
                    return value
        self.reused.append(stage)
        _logger.info("%s: reused %s", stage, key[:12])
        return from_record(record)

    def _meter(self, stage: str) -> Meter:
        continues = self.fresh != "everything"
        before = self.store.cost_so_far(stage, self.keys[stage]) if continues else None
        oracle: Oracle | None = vars(self).get("oracle")
        return Meter(before or Cost(), None if oracle is None else oracle.ledger)

    def _checkpoint(self, stage: str) -> Checkpoint:
        checkpoint = self.store.checkpoint(stage, self.keys[stage], self._meters[stage].read)
        if self.fresh == "everything":
            return replace(checkpoint, load=NO_CHECKPOINT.load)
        return checkpoint

    def _stored(self, stage: str) -> Record | None:
        if self.fresh in (stage, "everything"):
            return None
        return self.store.read(stage, self.keys[stage])

    def _prepare(self, stage: str) -> None:
        """Compute the results that a stage may read, in the order of the pipeline."""
        for name in _stages_before(stage):
            self.result(name)
        if stage == REPORT:
            _ = self.metrics

    def result(self, stage: Stage) -> object:
        """Return the result of a stage: computed now, before, or in an earlier run."""
        results: dict[Stage, Callable[[], object]] = {
            Stage.DATASET: lambda: self.dataset,
            Stage.CLASSIFIER: lambda: self.classifier,
            Stage.CONCEPTS: lambda: self.space,
            Stage.ORACLE: lambda: self.oracle,
            Stage.GRAPH: lambda: self.graph,
            Stage.EXPLAIN: lambda: self.explanation,
        }
        return results[stage]()


def _named(plugin: ResolvedPlugin[Any] | None, part: Value | None) -> tuple[str, Value] | None:
    return None if plugin is None or part is None else (plugin.provenance.name, part)


def _stages_before(stage: str) -> list[Stage]:
    """Return the stages that a stage, a metric or the report may read, in order."""
    order = list(Stage)
    return order[: order.index(Stage(stage))] if stage in order else order


def _worth_keeping(result: MetricResult) -> bool:
    """Return whether a score may be reused; a failure may be temporary and is not stored."""
    return result.status != "failed"
