"""The stages of a run; each is computed, or read from the store, when it is first needed."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import torch

from causalxai.classifier import Classifier
from causalxai.concept_space import ConceptSpace
from causalxai.config import ResolvedPlugin, ResolvedSpec, Stage
from causalxai.dataset import Dataset
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import DiscoveryInputs
from causalxai.memory import limited_to, memory_part
from causalxai.metric import Metric, MetricResult, ScoringInputs
from causalxai.network.state import state_of
from causalxai.oracle import Oracle, QueryLedger
from causalxai.pipeline.budget import check_budget, within_budget
from causalxai.pipeline.early_checks import EarlyChecks
from causalxai.pipeline.graph_stage import GraphStage
from causalxai.pipeline.images import images_of
from causalxai.pipeline.keys import METRIC, PREPARATION, labelled_metrics, stage_keys, stages_before
from causalxai.pipeline.learned_stages import ClassifierStage, ConceptStage
from causalxai.pipeline.previews import Previews
from causalxai.pipeline.rendering import REPORT, ReportedRun, render
from causalxai.pipeline.stage_results import Fresh, StageResults, Work, worth_keeping
from causalxai.pipeline.stored_answers import notice_in
from causalxai.pipeline.watch import Watch, digests_of_data, digests_of_explanation, record_of
from causalxai.progress import SILENT, Progress
from causalxai.report.builder import ReportInputs
from causalxai.report.page import Report
from causalxai.seeding import torch_generator
from causalxai.storage.checkpoint import Checkpoint
from causalxai.storage.cost import Cost
from causalxai.storage.record import Record
from causalxai.storage.store import Store

Value = TypeVar("Value")

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
        self.scores: dict[str, MetricResult] = {}
        self._results = StageResults(store, fresh)
        self.watch = Watch(spec.seed, spec.memory)
        self._checks = EarlyChecks(spec, Previews())
        self._fingerprints = {} if fingerprints is None else fingerprints
        self._source = spec.dataset.build()
        self._classifiers = ClassifierStage(
            spec.classifier, lambda: self.dataset, device, self.watch
        )
        self._graphs = GraphStage(spec.graph, self.watch) if spec.graph else None
        self.discoverer = self._graphs.discoverer if self._graphs else None
        self.explainer = spec.explain.build() if spec.explain else None

    @property
    def plugins(self) -> dict[str, ResolvedPlugin[Any]]:
        """The plugins by stage, metrics as ``metrics.name``."""
        metrics = {f"{METRIC}{label}": part for label, part in self._metrics.items()}
        return {str(stage): part for stage, part in self.spec.stages.items()} | metrics

    @cached_property
    def _metrics(self) -> dict[str, ResolvedPlugin[Metric]]:
        return labelled_metrics(self.spec)

    @cached_property
    def keys(self) -> dict[str, str]:
        """The key of each stage's result."""
        given = (self.spec, self.plugins, self.device, self._fingerprints)
        keys = stage_keys(*given)
        # The user's code has no version, and may read what its fingerprint does not see.
        part = self.spec.classifier
        if (part.named_code() or part.is_live) and (
            record := self._results.stored(Stage.CLASSIFIER, keys[Stage.CLASSIFIER])
        ):
            keys = stage_keys(*given, self._classifiers.records.changed_answers(record))
        return keys

    @property
    def costs(self) -> dict[str, Cost]:
        """The costs of the stages when they were computed, now or earlier, where they are known."""
        return self._results.costs(self.keys)

    @property
    def computed(self) -> list[str]:
        """The stages that were computed, in order."""
        return self._results.computed

    @property
    def seconds_computing(self) -> float:
        """The time that was spent on the stages that were computed, without what was read."""
        return self._results.seconds_computing

    @property
    def reused(self) -> list[str]:
        """The stages that were read from the store, in order."""
        return self._results.reused

    @cached_property
    def dataset(self) -> Dataset:
        """The data set. It is not stored here: sources cache what is slow to make."""
        _logger.info("dataset: loading %s", self.spec.dataset.provenance.name)
        found = self._call(
            Stage.DATASET,
            Dataset,
            lambda: self._source.load(rng=self._rng(Stage.DATASET), progress=self.progress),
        )
        self.watch.keep("dataset", lambda: digests_of_data(found))
        return found

    @cached_property
    def classifier(self) -> Classifier:
        """The trained classifier, examined on some of the data set's own images."""
        stage = Stage.CLASSIFIER
        found = self._stage(
            stage,
            lambda: self._classifiers.train(
                self._rng(stage), self.progress, self._checkpoint(stage)
            ),
            self._classifiers.to_record,
            self._classifiers.restore,
        )
        found.examine(self.dataset.test.images)
        self.watch.keep("classifier", lambda: state_of(found.model))
        return found

    def tell_of_chance(self) -> None:
        """Warn if the stored classifier is no better than chance, unless that was told already."""
        if not self._classifiers.source.trains and not self._classifiers.notice:
            record = self._results.stored(Stage.CLASSIFIER, self.keys[Stage.CLASSIFIER])
            self._classifiers.tell("" if record is None else notice_in(record))

    @property
    def held_out(self) -> bool | None:
        """Whether the classifier was never trained on the test images; ``None`` if not known."""
        return self._classifiers.held_out

    @cached_property
    def space(self) -> ConceptSpace | None:
        """The fitted concept space."""
        if self.spec.concepts is None:
            return None
        stage, concepts = Stage.CONCEPTS, ConceptStage(self.spec.concepts, self.watch)
        return self._stage(
            stage,
            lambda: concepts.fit(
                self.classifier,
                self.dataset,
                self._rng(stage),
                self.progress,
                self._checkpoint(stage),
            ),
            lambda fitted: fitted.to_record(),
            lambda record: concepts.restore(record, self.classifier, self.dataset),
        )

    @cached_property
    def oracle(self) -> Oracle | None:
        """The bound oracle; it is not stored."""
        space = self.space
        if self.spec.oracle is None or space is None:
            return None
        oracle = self.spec.oracle.build()
        return self._call(
            Stage.ORACLE,
            Oracle,
            lambda: oracle.bind(self.classifier, space, memory_ceiling=memory_part()),
        )

    @cached_property
    def preparation(self) -> Record | None:
        """What the discoverer finds without concepts, where it has such a part."""
        graphs = self._graphs
        if graphs is None or PREPARATION not in self.keys:
            return None
        return self._stage(
            PREPARATION,
            lambda: graphs.prepare(
                self.classifier, self.dataset, self._rng(Stage.GRAPH), self.progress
            ),
            lambda prepared: prepared,
            lambda record: record,
        )

    @cached_property
    def graph(self) -> CausalGraph | None:
        """The discovered graph."""
        graphs = self._graphs
        if graphs is None:
            return None
        return self._stage(
            Stage.GRAPH,
            lambda: graphs.discover(self.discovery_inputs(Stage.GRAPH), self.preparation),
            lambda graph: Record(meta=graph.to_json()),
            lambda record: CausalGraph.from_json(record.meta),
        )

    @cached_property
    def explanation(self) -> Explanation | None:
        """The explanation of the selected images; CapabilityError if it exceeds the budget."""
        explainer = self.explainer
        if explainer is None:
            return None
        found = self._stage(
            Stage.EXPLAIN,
            lambda: self._explain(explainer),
            Explanation.to_record,
            Explanation.from_record,
        )
        check_budget(self.spec, self.costs.get(Stage.EXPLAIN))
        self.watch.keep("explanation", lambda: digests_of_explanation(found))
        return found

    @cached_property
    def metrics(self) -> tuple[MetricResult, ...]:
        """The scores, in the order of the spec."""
        return tuple(map(self.score, self._metrics))

    def score(self, label: str) -> MetricResult:
        """Return the score of one metric."""
        if label not in self.scores:
            self.scores[label] = self._score(label, self._metrics[label])
        return self.scores[label]

    @cached_property
    def report(self) -> Report:
        """The report, one HTML page, and its figures."""
        return self._stage(
            REPORT,
            lambda: render(self.reported(), self.watch),
            Report.to_record,
            Report.from_record,
            keep=lambda _: all(worth_keeping(result) for result in self.metrics),
        )

    def reported(self) -> ReportedRun:
        """Return the run as its report shows it."""
        before = self.discovery_inputs(REPORT)
        inputs = ReportInputs(**vars(before), graph=self.graph, explanation=self.explanation)
        return ReportedRun(
            self.spec, inputs, self.discoverer, self.explainer, self.metrics, self.held_out
        )

    def require_results(self, *, metrics: bool = True) -> None:
        """Check that the results are stored, with those of the metrics; NotStoredError if not."""
        self._results.require(self.keys, metrics=metrics)

    def _explain(self, explainer: Explainer) -> Explanation:
        rng = self._rng("images")
        images, target = images_of(self.spec.images, self.classifier, self.dataset, rng)
        inputs = self.explanation_inputs(Stage.EXPLAIN)
        ledger = QueryLedger() if self.oracle is None else self.oracle.ledger
        with within_budget(self.spec, ledger):
            return self._call(
                Stage.EXPLAIN, Explanation, lambda: explainer.explain(images, target, inputs)
            )

    def _score(self, label: str, part: ResolvedPlugin[Metric]) -> MetricResult:
        stage = f"{METRIC}{label}"
        return self._stage(
            stage,
            lambda: replace(
                self._call(
                    stage,
                    MetricResult,
                    lambda: part.build().compute(self.explanation, self.scoring_inputs(stage)),
                ),
                metric=label,
            ),
            lambda result: Record(meta=result.to_json()),
            lambda record: MetricResult.from_json(record.meta),
            keep=worth_keeping,
        )

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
        return ExplanationInputs(**vars(before), graph=self.graph, discoverer=self.discoverer)

    def scoring_inputs(self, stage: str) -> ScoringInputs:
        """Return the inputs of a metric, with the random generator of ``stage``."""
        before = self.explanation_inputs(stage)
        return ScoringInputs(
            **vars(before), explainer=self.explainer, source=self._classifiers.source
        )

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
        work = Work(
            prepare=lambda: self._prepare(stage),
            compute=compute,
            to_record=lambda value: self._record(stage, lambda: to_record(value)),
            from_record=from_record,
            keep=keep,
        )
        with limited_to(self.spec.memory):
            return self._results.get(stage, self.keys[stage], work, self._ledger)

    def _call(self, stage: str, kind: type[Any], call: Callable[[], Value]) -> Value:
        return self.watch.call(self.plugins[stage].provenance, stage, kind, call)

    def _record(self, stage: str, make: Callable[[], Record]) -> Record:
        part = self.plugins.get(stage)
        return make() if part is None else record_of(part.provenance, stage, make)

    def _ledger(self) -> QueryLedger | None:
        oracle: Oracle | None = vars(self).get("oracle")
        return None if oracle is None else oracle.ledger

    def _checkpoint(self, stage: str) -> Checkpoint:
        return self._results.checkpoint(stage, self.keys[stage])

    def _prepare(self, stage: str) -> None:
        """Compute the results that a stage may read, in the order of the pipeline."""
        # Nothing is computed before it is known that the stages fit the data set and the network.
        self._checks.before_loading()
        if stage == Stage.CLASSIFIER:
            self._checks.before_training(self.dataset)
        else:
            self._checks.of_dataset(self.dataset)
            self._checks.of_classifier(self.classifier)
        for name in stages_before(stage):
            self.result(name)
        if stage == REPORT:
            _ = self.metrics

    def result(self, stage: str) -> object:
        """Return the result of a stage or a metric: computed now, before, or in an earlier run."""
        if stage.startswith(METRIC):
            return self.score(stage.removeprefix(METRIC))
        names: dict[str, str] = {Stage.CONCEPTS: "space", Stage.EXPLAIN: "explanation"}
        return getattr(self, names.get(stage, str(stage)))
