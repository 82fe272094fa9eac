"""For each check (those of oracles have a file of their own) a toy that fails it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from pydantic import ConfigDict
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Concept, Units
from causalxai.concept_space import ConceptSpace
from causalxai.explainer import Explainer, Explanation
from causalxai.graph import CausalGraph, Edge
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.intervention import Action
from causalxai.metric import Estimate, Metric, MetricResult, ScoringInputs
from causalxai.plugin import Plugin, PluginConfig
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.section import Section
from causalxai.testing import Bench, BrokenPromiseError, checks_for, toy_world
from causalxai.testing.toys import ToyDiscoverer, ToyExplainer, ToyMetric, ToySpace
from causalxai.what_if import Change, WhatIf

INTERFACES: Mapping[str, type] = {
    "plugin": Plugin,
    "space": ConceptSpace,
    "discoverer": GraphDiscoverer,
    "explainer": Explainer,
    "metric": Metric,
}
BROKEN: list[tuple[str, str, type[Plugin]]] = []


def breaks(interface: str, *checks: str) -> Callable[[type[Plugin]], type[Plugin]]:
    def register(plugin: type[Plugin]) -> type[Plugin]:
        BROKEN.extend((interface, check, plugin) for check in checks)
        return plugin

    return register


# --- any plugin


@breaks("plugin", "config_rejects_unknown_keys")
class TakesAnySetting(ToyExplainer):
    class Config(PluginConfig):
        model_config = ConfigDict(extra="ignore")

        amount: float = 1.0


@breaks("plugin", "constructor_takes_the_config", "constructor_takes_keywords")
class HasItsOwnConstructor(ToyDiscoverer):
    def __init__(self, anything: Any = None) -> None:
        super().__init__(threshold=0.5)


@breaks("plugin", "identity_is_plain_text")
class IsNeverTheSame(ToyExplainer):
    def fingerprint(self) -> str:
        return str(uuid.uuid4())


@breaks("plugin", "identity_is_plain_text")
class HasAnIdentityOfObjects(ToyExplainer):
    def portable_config(self) -> dict[str, object]:
        return {"amount": object()}


# --- concept spaces


@breaks("space", "fit_returns_self")
class ReturnsAnother(ToySpace):
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        super().fit(*args, **kwargs)
        return ToySpace().fit(*args, **kwargs)


@breaks("space", "fit_leaves_its_inputs_alone")
class NormalisesTheDataInPlace(ToySpace):
    def fit(self, classifier: Any, dataset: Any, **kwargs: Any) -> Any:
        dataset.train.images.mul_(0.5)
        return super().fit(classifier, dataset, **kwargs)


@breaks("space", "fit_leaves_its_inputs_alone")
class TrainsTheClassifier(ToySpace):
    def fit(self, classifier: Any, dataset: Any, **kwargs: Any) -> Any:
        with torch.no_grad():
            classifier.model[1].bias.add_(1e-6)
        return super().fit(classifier, dataset, **kwargs)


@breaks("space", "same_rng_gives_the_same_fit")
class NamesAtRandom(ToySpace):
    def fit(self, classifier: Any, dataset: Any, **kwargs: Any) -> Any:
        names = tuple(f"{name} {torch.rand(()):.6f}" for name in dataset.concept_names)
        return super().fit(classifier, replace(dataset, concept_names=names), **kwargs)


@breaks("space", "names_are_unique")
class HasNamesakes(ToySpace):
    @property
    def concepts(self) -> Any:
        return [Concept("patch")] * 4


@breaks("space", "every_column_has_a_concept")
class ForgetsAConcept(ToySpace):
    @property
    def concepts(self) -> Any:
        return super().concepts[1:]


@breaks("space", "encode_gives_finite_values")
class TakesLogarithms(ToySpace):
    def encode(self, images: Tensor) -> Units:
        units = super().encode(images)
        return replace(units, values=units.values.log())


@breaks("space", "encode_gives_finite_values")
class KeepsAMean(ToySpace):
    def encode(self, images: Tensor) -> Units:
        units = super().encode(images)
        return replace(units, residual={"mean": images.mean(dim=0, keepdim=True)})


@breaks("space", "encode_leaves_images_alone")
class ClampsInPlace(ToySpace):
    def encode(self, images: Tensor) -> Units:
        return super().encode(images.clamp_(0.2, 0.5))


@breaks("space", "encode_reads_each_image_alone")
class Centres(ToySpace):
    def encode(self, images: Tensor) -> Units:
        units = super().encode(images)
        return replace(units, values=units.values - units.values.mean(dim=0))


@breaks("space", "space_sections_can_be_shown")
class ShowsAStringOfItsFit(ToySpace):
    @staticmethod
    def report_builder(space: ConceptSpace, inputs: ReportInputs) -> Any:
        return ["learned well"]


@breaks("space", "record_brings_the_space_back")
class ForgetsItsScale(ToySpace):
    scale = 1.0

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        self.scale = 2.0
        return super().fit(*args, **kwargs)

    def encode(self, images: Tensor) -> Units:
        units = super().encode(images)
        return replace(units, values=self.scale * units.values)


# --- graph discoverers


@breaks("discoverer", "discovers_a_causal_graph")
class FindsNothing(ToyDiscoverer):
    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        return CausalGraph([])


@breaks("discoverer", "same_rng_gives_the_same_graph")
class GuessesWeights(ToyDiscoverer):
    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        return CausalGraph("ab", [Edge("a", "b", weight=float(torch.rand(())))])


@breaks("discoverer", "graph_survives_storage")
class ClaimsNoNumber(ToyDiscoverer):
    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        return CausalGraph("ab", [Edge("a", "b", p=float("nan"))])


@breaks("discoverer", "discovery_leaves_its_inputs_alone")
class LeavesAHook(ToyDiscoverer):
    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        inputs.classifier.model[1].register_forward_hook(lambda *_: None)
        return super()._discover(inputs)


@breaks("discoverer", "graph_needs_what_it_requires")
class HidesItsNeeds(ToyDiscoverer):
    requires: frozenset[Capability] = frozenset()


@breaks("discoverer", "forbidden_edges_stay_away", "required_edges_are_there")
class KnowsBetter(ToyDiscoverer):
    def discover(self, inputs: ScoringInputs) -> CausalGraph:  # type: ignore[misc]
        return self._discover(inputs)


@breaks("discoverer", "graph_sections_can_be_shown")
class ShowsTexts(ToyDiscoverer):
    @staticmethod
    def report_builder(*_: object) -> Any:
        return GraphReport(["a text"])


@breaks("discoverer", "graph_sections_can_be_shown")
class LeavesOpenWhetherItDraws(ToyDiscoverer):
    @staticmethod
    def report_builder(*_: object) -> Any:
        return [Section("The graph", [])]


class ReadsTheTable(GraphDiscoverer):
    """Joins concepts whose covariance is large, and claims that the first name is the cause."""

    requires = frozenset({Capability.OBSERVATIONS})

    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        names, concepts = inputs.dataset.concept_names, inputs.dataset.train.concepts
        assert concepts is not None
        joined = self.joined(concepts.double())
        pairs = [
            (a, b)
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if joined[i, j] and a < b
        ]
        return CausalGraph(names, pairs)

    def joined(self, values: Tensor) -> Tensor:
        return values.T.corrcoef().abs() > 0.3


@breaks("discoverer", "units_of_observations_do_not_matter")
class MeasuresCovariances(ReadsTheTable):
    def joined(self, values: Tensor) -> Tensor:
        return values.T.cov().abs() > 0.5


@breaks("discoverer", "names_of_observations_do_not_matter")
class OrdersByName(ReadsTheTable):
    """The one that is broken by its very rule."""


@breaks("discoverer", "unfit_observations_are_refused_in_words")
class InvertsCovariances(ReadsTheTable):
    def joined(self, values: Tensor) -> Tensor:
        return torch.linalg.inv(values.T.cov()).abs() > 1


# --- explainers


class TamperedExplainer(ToyExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return explanation

    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        return self.tamper(super()._explain(images, target, inputs))


@breaks("explainer", "explanation_has_the_promised_form")
class LosesAConcept(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return replace(explanation, concepts=explanation.concepts[1:])


@breaks("explainer", "explanation_has_the_promised_form")
class DragsAGradientAlong(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return replace(explanation, importance=explanation.importance.clone().requires_grad_())


class TellsAWhatIf(TamperedExplainer):
    changed: ClassVar[dict[str, Any]]

    def tamper(self, explanation: Explanation) -> Explanation:
        raised = Change(explanation.concepts[0], Action.SHIFT, 1.0, "raised")
        sound = WhatIf(0, (raised,), torch.zeros(3), torch.full((1, 8, 8), 0.5))
        return replace(explanation, what_ifs=(sound, replace(sound, **self.changed)))


@breaks("explainer", "explanation_has_the_promised_form")
class SpeaksOfAnotherImage(TellsAWhatIf):
    changed: ClassVar = {"row": 9}


@breaks("explainer", "what_ifs_can_be_shown")
class ChangesWhatIsNoConcept(TellsAWhatIf):
    changed: ClassVar = {"changes": (Change("nothing", Action.FLIP, 0.0, "flipped"),)}


@breaks("explainer", "what_ifs_can_be_shown")
class PaintsBrighterThanWhite(TellsAWhatIf):
    changed: ClassVar = {"image": torch.full((1, 8, 8), 1.5)}


@breaks("explainer", "what_ifs_can_be_shown")
class DragsAPicturesGradientAlong(TellsAWhatIf):
    changed: ClassVar = {"logits": torch.zeros(3, requires_grad=True)}


@breaks("explainer", "explanation_keeps_what_the_space_reads")
class KeepsOtherUnits(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return replace(explanation, units=explanation.units[torch.tensor([1, 0, 2, 3])])


@breaks("explainer", "explanation_is_of_what_was_asked")
class ExplainsSomethingElse(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return replace(explanation, images=1 - explanation.images)


@breaks("explainer", "one_class_serves_all_images")
class CountsClassesFromOne(ToyExplainer):
    def explain(self, images: Any, target: Any, inputs: Any) -> Any:  # type: ignore[misc]
        return super().explain(images, target - 1 if isinstance(target, int) else target, inputs)


@breaks("explainer", "same_rng_gives_the_same_explanation")
class AddsNoise(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        noise = torch.randn_like(explanation.importance)
        return replace(explanation, importance=explanation.importance + noise)


@breaks("explainer", "explanation_survives_storage")
class KeepsObjects(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return replace(explanation, meta={"made by": object()})


@breaks("explainer", "explaining_leaves_its_inputs_alone")
class MutatesImages(ToyExplainer):
    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        return super()._explain(images.mul_(0.9), target, inputs)


@breaks("explainer", "explaining_leaves_its_inputs_alone")
class WantsGradients(ToyExplainer):
    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        explanation = super()._explain(images, target, inputs)
        images.requires_grad_()
        return explanation


@breaks("explainer", "explaining_leaves_its_inputs_alone")
class LeavesAGradient(ToyExplainer):
    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        model = inputs.classifier.model.requires_grad_(True)
        model(images).sum().backward()
        model.requires_grad_(False)
        return super()._explain(images, target, inputs)


@breaks("explainer", "explanation_needs_what_it_requires")
class KeepsItsNeedsSecret(ToyExplainer):
    requires: frozenset[Capability] = frozenset()


@breaks("explainer", "explanation_sections_can_be_shown")
class ShowsNothingStored(ToyExplainer):
    @staticmethod
    def report_builder(explainer: Explainer, explanation: Explanation, images: Any) -> Any:
        return explanation.details["not there"]


# --- metrics


class TamperedMetric(ToyMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        return result

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        return self.tamper(super()._compute(explanation, inputs))


@breaks("metric", "declares_how_to_read_it")
class ComesFromNowhere(ToyMetric):
    reference = ""


@breaks("metric", "declares_how_to_read_it")
class CallsItselfOtherwise(TamperedMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        return replace(result, metric="other")


@breaks("metric", "bench_is_scored")
class ChanceLeavesTheRange(TamperedMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        return replace(result, chance=Estimate(2.0))


@breaks("metric", "result_is_in_range_or_has_a_reason")
class GivesNoReason(TamperedMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        return MetricResult(self.name, "skipped")


@breaks("metric", "bench_is_scored")
class Crashes(TamperedMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        raise RuntimeError("out of luck")


@breaks("metric", "score_comes_with_chance")
class TellsNoChance(TamperedMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        return replace(result, chance=None)


@breaks("metric", "same_rng_gives_the_same_score")
class Guesses(TamperedMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        return replace(result, estimate=Estimate(float(torch.rand(()))))


@breaks("metric", "bench_is_scored")
class HasAControlThatIsNoNumber(TamperedMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        return replace(result, controls={"shuffled": Estimate(float("nan"))})


@breaks("metric", "bench_is_scored")
class HasAnIntervalThatIsNoNumber(TamperedMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        return replace(result, controls={"shuffled": Estimate(0.5, float("nan"), 1.0)})


@breaks("metric", "score_survives_storage")
class SaysYesInNumpy(TamperedMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        return replace(result, translated=np.bool_(True))


@breaks("metric", "bench_is_scored")
class NamesItsPartsByNumber(TamperedMetric):
    def tamper(self, result: MetricResult) -> MetricResult:
        return replace(result, parts={1: Estimate(0.5)})


@breaks("metric", "scoring_leaves_its_inputs_alone")
class MutatesTheExplanation(ToyMetric):
    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        result = super()._compute(explanation, inputs)
        explanation.importance.abs_()
        return result


@breaks("metric", "score_needs_what_it_requires")
class CrashesWithoutAnOracle(ToyMetric):
    requires: frozenset[Capability] = frozenset()

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        inputs.oracle.space.names()
        return super()._compute(explanation, inputs)


@breaks("metric", "what_cannot_be_scored_is_skipped")
class CrashesWithoutImportance(TamperedMetric):
    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        explanation.importance.abs()
        return super()._compute(explanation, inputs)


def bench_of(plugin: type[Plugin]) -> Bench[Any]:
    world = toy_world(0)
    return Bench(
        plugin=plugin(),
        inputs=world.inputs(),
        images=world.dataset.test.images[:4],
        report_builder=getattr(plugin, "report_builder", None),
    )


@pytest.mark.parametrize(
    ("interface", "check", "plugin"),
    BROKEN,
    ids=[f"{plugin.__name__}-{check}" for _, check, plugin in BROKEN],
)
def test_a_broken_plugin_is_caught(interface: str, check: str, plugin: type[Plugin]) -> None:
    checks = {each.__name__: each for each in checks_for(INTERFACES[interface])}
    with pytest.raises(BrokenPromiseError, match=rf"\.{plugin.__name__}: "):
        checks[check](bench_of(plugin))


@pytest.mark.parametrize("interface", INTERFACES)
def test_no_check_is_left_untried(interface: str) -> None:
    general = set() if interface == "plugin" else set(checks_for(Plugin))
    special = set(checks_for(INTERFACES[interface])) - general
    tried = {check for kind, check, _ in BROKEN if kind == interface}
    assert {check.__name__ for check in special} == tried
