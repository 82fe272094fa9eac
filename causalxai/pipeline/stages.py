"""The stages of a spec; each is computed when it is first asked for, or read from the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, TypeVar

import torch

from causalxai.capabilities import Capability, offered_by, require
from causalxai.classifier import Classifier
from causalxai.concept_space import ConceptSpace
from causalxai.config import ResolvedPlugin, ResolvedSpec
from causalxai.dataset import Dataset
from causalxai.errors import NotStoredError
from causalxai.explainer import Explanation
from causalxai.graph import CausalGraph
from causalxai.metric import Metric, MetricResult, ScoringInputs
from causalxai.oracle import Oracle
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

_logger = logging.getLogger(__name__)


class Pipeline:
    """dataset → classifier → concepts → oracle → graph → explain → metrics → report.

    Parameters
    ----------
    spec
        The resolved spec.
    store
        Where results are kept and found again.
    device
        Where networks are run.
    progress
        Where long work reports.
    fresh
        What is computed anew even if the store has it.
    fingerprints
        Those of parts that were looked at already, so that pipelines over the same files, which
        do not change meanwhile, read them once.
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
        self._discoverer = spec.graph.build()
        self._explainer = spec.explain.build()

    @property
    def plugins(self) -> dict[str, ResolvedPlugin[Any]]:
        """The plugins by stage, metrics as ``metrics.name``."""
        spec = self.spec
        return {
            "dataset": spec.dataset,
            "classifier": spec.classifier,
            "concepts": spec.concepts,
            "oracle": spec.oracle,
            "graph": spec.graph,
            "explain": spec.explain,
            **{f"metrics.{label}": part for label, part in self._metrics.items()},
        }

    @cached_property
    def _metrics(self) -> dict[str, ResolvedPlugin[Metric]]:
        return labelled_metrics(self.spec)

    @cached_property
    def keys(self) -> dict[str, str]:
        """What each stage's result is filed under."""
        return stage_keys(self.spec, self.plugins, self.device, self._fingerprints)

    @property
    def costs(self) -> dict[str, Cost]:
        """What each stage's result cost when it was computed, now or in an earlier run.

        Stages of which that is not known, or that keep no result, are left out.
        """
        known = {stage: self.store.cost(stage, key) for stage, key in self.keys.items()}
        told = {stage: self._costs.get(stage, cost) for stage, cost in known.items()}
        return {stage: cost for stage, cost in told.items() if cost is not None}

    @cached_property
    def dataset(self) -> Dataset:
        """The data, loaded or made anew each time: sources cache what is slow to make."""
        _logger.info("dataset: loading %s", self.spec.dataset.provenance.name)
        return self._source.load(rng=self._rng("dataset"), progress=self.progress)

    @cached_property
    def classifier(self) -> Classifier:
        """The trained classifier."""
        return self._stage(
            "classifier",
            self._train,
            self._trainer.to_record,
            lambda record: self._trainer.restore(record, self.dataset, self.device),
        )

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
    def space(self) -> ConceptSpace:
        """The fitted concepts."""
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
    def oracle(self) -> Oracle:
        """The oracle, bound; nothing of it is stored."""
        ceiling = self.spec.memory_mb * 2**20
        oracle = self.spec.oracle.build()
        return oracle.bind(self.classifier, self.space, memory_ceiling=ceiling)

    @cached_property
    def graph(self) -> CausalGraph:
        """The discovered graph."""
        return self._stage(
            "graph",
            lambda: self._discoverer.discover(self.inputs("graph")),
            lambda graph: Record(meta=graph.to_json()),
            lambda record: CausalGraph.from_json(record.meta),
        )

    @cached_property
    def explanation(self) -> Explanation:
        """The explanation of the images that the spec selects, refused beyond its budget."""
        found = self._stage(
            "explain", self._explain, Explanation.to_record, Explanation.from_record
        )
        check_budget(self.spec, self.costs.get("explain"))
        return found

    @cached_property
    def metrics(self) -> tuple[MetricResult, ...]:
        """The scores, in the order of the spec."""
        return tuple(self._score(label, part) for label, part in self._metrics.items())

    @cached_property
    def report(self) -> Report:
        """The report, one HTML page, and its figures."""
        return self._stage(
            "report",
            self._render,
            Report.to_record,
            Report.from_record,
            keep=lambda _: all(_worth_keeping(result) for result in self.metrics),
        )

    def _require_needs(self) -> None:
        """Tell before any training what a later stage will miss.

        Raises
        ------
        CapabilityError
            If the discoverer or the explainer needs what data set and oracle do not offer.
        """
        stages = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.GRAPH})
        offered = offered_by(self.dataset) | self.spec.oracle.build().capabilities | stages
        for part in (self._discoverer, self._explainer):
            require(part.requires, offered, type(part).__name__)

    def require_results(self) -> None:
        """Make sure that the report can be rendered from the store.

        Raises
        ------
        NotStoredError
            If the result of a stage is not there, or damaged.
        """
        stages = [stage for stage in self.keys if stage not in ("dataset", "oracle", "report")]
        missing = [stage for stage in stages if self._stored(stage) is None]
        if missing:
            raise NotStoredError(
                f"{self.store.root} has no results for {', '.join(missing)}: they were made "
                "elsewhere, with other versions or on another kind of device, or failed; "
                "run the spec again"
            )

    def _explain(self) -> Explanation:
        rng = self._rng("images")
        images, target = select_images(self.spec.images, self.classifier, self.dataset, rng)
        inputs = self.inputs("explain")
        with within_budget(self.spec, self.oracle.ledger):
            return self._explainer.explain(images, target, inputs)

    def _score(self, label: str, part: ResolvedPlugin[Metric]) -> MetricResult:
        metric = part.build()
        stage = f"metrics.{label}"
        return self._stage(
            stage,
            lambda: replace(metric.compute(self.explanation, self.inputs(stage)), metric=label),
            lambda result: Record(meta=result.to_json()),
            lambda record: MetricResult.from_json(record.meta),
            keep=_worth_keeping,
        )

    def _render(self) -> Report:
        inputs = ReportInputs(
            classifier=self.classifier,
            dataset=self.dataset,
            rng=self._rng("report"),
            progress=self.progress,
            space=self.space,
            oracle=self.oracle,
            graph=self.graph,
            explanation=self.explanation,
        )
        parts = ReportedParts(
            space=(self.spec.concepts.provenance.name, self.space),
            discoverer=(self.spec.graph.provenance.name, self._discoverer),
            explainer=(self.spec.explain.provenance.name, self._explainer),
        )
        test = self.dataset.test
        page = render_report(
            self.spec,
            accuracy=self.classifier.accuracy(test.images, test.labels),
            graph=self.graph,
            metrics=self.metrics,
            sections=report_sections(parts, inputs),
        )
        return replace(page, fit=self.space.summary())

    def inputs(self, stage: str) -> ScoringInputs:
        """Return what a stage may look at."""
        inputs = ScoringInputs(
            classifier=self.classifier,
            dataset=self.dataset,
            rng=self._rng(stage),
            progress=self.progress,
            space=self.space,
            oracle=self.oracle,
            source=self._trainer,
            discoverer=self._discoverer,
            explainer=self._explainer,
        )
        return inputs if stage == "graph" else replace(inputs, graph=self.graph)

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
            # Inputs come first, so that no lock is held while another stage takes its own.
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
        goes_on = self.fresh != "everything"
        before = self.store.cost_so_far(stage, self.keys[stage]) if goes_on else None
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
        """Compute what a stage reads, in the order of the pipeline."""
        before: dict[str, tuple[str, ...]] = {
            "classifier": ("dataset",),
            "concepts": ("classifier",),
            "graph": ("oracle",),
            "explain": ("oracle", "graph"),
            "report": ("metrics", "oracle", "graph", "explanation"),
        }
        for name in before.get(stage, ("oracle", "graph", "explanation")):
            getattr(self, name)


def _worth_keeping(result: MetricResult) -> bool:
    """Tell whether a score may be reused: a failure may have been this machine's, this once."""
    return result.status != "failed"
