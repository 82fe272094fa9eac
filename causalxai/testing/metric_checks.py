"""What every metric promises."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import torch

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.metric import Estimate, Metric, MetricResult, ScoringInputs
from causalxai.testing.bench import Bench, check


@check
def declares_how_to_read_it(bench: Bench[Metric]) -> None:
    """Require a metric's name, better direction, range and origin, also in its results."""
    metric = bench.plugin
    for field in ("name", "higher_is_better", "value_range", "reference"):
        bench.require(hasattr(metric, field), f"it does not declare {field}")
    bench.require(bool(metric.name), "its name is empty")
    direction = metric.higher_is_better
    bench.require(direction in (True, False, None), "higher_is_better is neither a bool nor None")
    bench.require(bool(metric.reference), "its reference is empty")
    low, high = _bounds(metric)
    bench.require(low < high, f"its range [{low}, {high}] is none")
    result = _score(bench)
    told = (result.metric, result.higher_is_better, result.value_range, result.reference)
    declared = (metric.name, metric.higher_is_better, metric.value_range, metric.reference)
    bench.require(told == declared, f"its result says {told}, not {declared}")


@check
def result_is_in_range_or_has_a_reason(bench: Bench[Metric]) -> None:
    """Require a finite estimate within the range, or a reason why there is none."""
    _require_sound(bench, _score(bench))


@check
def bench_is_scored(bench: Bench[Metric]) -> None:
    """Require a metric not to fail on the bench that its author made for it."""
    result = _score(bench)
    bench.require(result.status != "failed", f"it fails on its own bench: {result.reason}")


@check
def score_comes_with_chance(bench: Bench[Metric]) -> None:
    """Require beside the score that of an explanation which knows nothing."""
    result = _score(bench)
    bench.require(result.status != "ok" or result.chance is not None, "it does not tell chance")


@check
def same_rng_gives_the_same_score(bench: Bench[Metric]) -> None:
    """Require that all chance comes from the stage's generator."""
    one, other = _score(bench), _scored(bench)
    bench.require(one == other, "scored twice with one seed, the results differ")


@check
def score_survives_storage(bench: Bench[Metric]) -> None:
    """Require that the result comes back from JSON."""
    result = _score(bench)
    text = json.dumps(result.to_json(), allow_nan=False)
    back = MetricResult.from_json(json.loads(text))
    bench.require(back == result, "the result that was stored is not the one that comes back")


@check
def scoring_leaves_its_inputs_alone(bench: Bench[Metric]) -> None:
    """Require explanation, images, classifier and data set as before; no hook stays."""
    made = replace(bench, explanation=_explanation(bench))
    with made.untouched("compute"):
        _scored(made)


@check
def score_needs_what_it_requires(bench: Bench[Metric]) -> None:
    """Require ``skipped`` without what ``requires`` names, and never ``failed`` without others."""
    requires = bench.plugin.requires
    for part in sorted(requires | {Capability.CONCEPTS, Capability.ORACLE, Capability.GRAPH}):
        inputs = bench.lacking(part)
        result = _scored(bench, inputs=inputs)
        _require_sound(bench, result)
        lacking = f"without {part!r} it is {result.status}: {result.reason}"
        bench.require(result.status != "failed", lacking)
        has_all = requires <= inputs.capabilities
        bench.require(has_all or result.status == "skipped", lacking)
    alone = replace(bench.seeded(), explainer=None, discoverer=None, source=None)
    result = _scored(bench, inputs=alone)
    _require_sound(bench, result)
    told = f"with nobody to ask for another answer it is failed: {result.reason}"
    bench.require(result.status != "failed", told)


@check
def what_cannot_be_scored_is_skipped(bench: Bench[Metric]) -> None:
    """Require that an explanation without maps, or without importances, is scored or skipped."""
    full = _explanation(bench)
    for poorer in (
        replace(full, maps={}),
        replace(full, concepts=(), importance=None),
    ):
        result = _scored(bench, explanation=poorer)
        _require_sound(bench, result)
        kind = "importance" if poorer.importance is None else "maps"
        told = f"an explanation without {kind} makes it fail: {result.reason}"
        bench.require(result.status != "failed", told)


def _explanation(bench: Bench[Metric]) -> Explanation:
    """Return the bench's explanation, or one that knows nothing."""
    if bench.explanation is not None:
        return bench.explanation
    images, space = bench.images, bench.inputs.space
    names = () if space is None else space.names()
    rng = torch.Generator().manual_seed(0)
    return Explanation(
        images=images,
        target=bench.inputs.classifier.predict(images).cpu(),
        concepts=names,
        importance=torch.randn(len(images), len(names), generator=rng) if names else None,
        maps={"noise": torch.rand(len(images), *images.shape[2:], generator=rng)},
    )


def _score(bench: Bench[Metric]) -> MetricResult:
    """Return the bench's score, which is computed once for all checks that share the bench."""
    if "score" not in bench.kept:
        bench.kept["score"] = _scored(bench)
    result: MetricResult = bench.kept["score"]
    return result


def _scored(
    bench: Bench[Metric],
    *,
    explanation: Explanation | None = None,
    inputs: ScoringInputs | None = None,
) -> MetricResult:
    return bench.fresh().compute(
        _explanation(bench) if explanation is None else explanation,
        bench.seeded() if inputs is None else inputs,
    )


def _require_sound(bench: Bench[Metric], result: MetricResult) -> None:
    if result.status != "ok":
        bench.require(result.status in ("skipped", "failed"), f"status is {result.status!r}")
        bench.require(bool(result.reason), f"it is {result.status} for no reason")
        bench.require(result.estimate is None, f"it is {result.status}, yet has an estimate")
        return
    low, high = _bounds(bench.plugin)
    scores = {"estimate": result.estimate, "chance": result.chance, **result.controls}
    bench.require(result.estimate is not None, "it is ok, yet has no estimate")
    for name, estimate in {**scores, **result.parts}.items():
        if estimate is not None:
            finite = all(math.isfinite(number) for number in _numbers(estimate))
            bench.require(finite, f"{name} {estimate} is not finite")
            bench.require(estimate.n >= 1, f"{name} rests on {estimate.n} samples")
    for name, estimate in scores.items():
        if estimate is not None:
            inside = all(low <= number <= high for number in _numbers(estimate))
            bench.require(inside, f"{name} {estimate} leaves [{low}, {high}]")


def _numbers(estimate: Estimate) -> list[float]:
    numbers = (estimate.low, estimate.value, estimate.high)
    return [number for number in numbers if number is not None]


def _bounds(metric: Metric) -> tuple[float, float]:
    low, high = metric.value_range
    return -math.inf if low is None else low, math.inf if high is None else high


METRIC_CHECKS = (
    declares_how_to_read_it,
    result_is_in_range_or_has_a_reason,
    bench_is_scored,
    score_comes_with_chance,
    same_rng_gives_the_same_score,
    score_survives_storage,
    scoring_leaves_its_inputs_alone,
    score_needs_what_it_requires,
    what_cannot_be_scored_is_skipped,
)
