"""Metrics that break a promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.metric import Estimate, MetricResult, ScoringInputs
from causalxai.testing.toys import ToyMetric
from tests.testing.broken.register import breaks


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
