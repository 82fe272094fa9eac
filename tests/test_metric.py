from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from causalxai import Estimate, Explanation, Metric, MetricResult, ScoringInputs
from causalxai.capabilities import Capability
from causalxai.errors import CapabilityError
from causalxai.metric import AttributionSpace, MetricUndefinedError
from causalxai.plugin import registry

EXPLANATION = Explanation(torch.zeros(1, 1, 2, 4), torch.zeros(1, dtype=torch.int64))


class Told(Metric):
    """Says what it is told to say."""

    name = "told"
    higher_is_better = False
    value_range = (0.0, None)
    reference = "nowhere"
    says: Callable[[ScoringInputs], MetricResult]

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        return self.says(inputs)


def result_of(says: Callable[[ScoringInputs], MetricResult], inputs: ScoringInputs) -> MetricResult:
    metric = Told()
    metric.says = says
    return metric.compute(EXPLANATION, inputs)


def raising(error: BaseException) -> Callable[[ScoringInputs], MetricResult]:
    def says(inputs: ScoringInputs) -> MetricResult:
        raise error

    return says


def scoring(value: float) -> Callable[[ScoringInputs], MetricResult]:
    return lambda inputs: MetricResult("told", estimate=Estimate(value))


def test_the_mean_is_the_mean_and_its_interval_that_of_the_normal_theory():
    samples = np.random.default_rng(1).normal(3, 2, 500)
    estimate = Estimate.mean(samples, np.random.default_rng(2))
    half = 1.96 * samples.std(ddof=1) / np.sqrt(500)
    assert estimate.value == pytest.approx(np.mean(samples), rel=1e-12)
    assert estimate.low == pytest.approx(estimate.value - half, abs=0.1 * half)
    assert estimate.high == pytest.approx(estimate.value + half, abs=0.1 * half)
    assert estimate.n == 500


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9), st.integers(0, 99))
def test_the_interval_has_the_mean_in_it_and_keeps_to_the_range(samples: list[float], seed: int):
    bounds = (-1e6, 1e6)
    free, kept = (
        Estimate.mean(samples, np.random.default_rng(seed), bounds=limits)
        for limits in ((None, None), bounds)
    )
    assert free.value == kept.value == pytest.approx(np.mean(samples))
    assert (free.low is None) == (free.high is None)
    assert (kept.low is None) == (len(samples) < 5)
    for one in (free, kept):
        if one.low is not None:
            assert one.low <= one.value <= one.high
    if kept.low is not None:
        assert bounds[0] <= kept.low <= kept.high <= bounds[1]


def test_samples_that_agree_show_no_spread():
    rng = np.random.default_rng(0)
    assert Estimate.mean([0.5] * 8, rng) == Estimate(0.5, None, None, 8)
    # With limits, they may have been hits and misses: eight hits in eight, Clopper and Pearson.
    certain = Estimate.mean([1.0] * 8, rng, bounds=(0.0, 1.0))
    assert (certain.low, certain.high) == pytest.approx((0.025 ** (1 / 8), 1.0))
    found = Estimate.mean([-1.0, 0.0, 0.0, 0.0, 0.0, 0.0], rng, bounds=(-1.0, 0.0))
    low, high = proportion_confint(5, 6, method="beta")
    assert (found.low, found.high) == pytest.approx((low - 1, high - 1))


def test_an_interval_that_resamples_cannot_show_is_not_told():
    rng = np.random.default_rng(0)
    nearly = [1.0] * 7 + [0.5]
    assert Estimate.mean(nearly, rng).low is None
    told = Estimate.mean(nearly, rng, bounds=(0.0, 1.0))
    assert told.low < 0.7 < told.value < told.high <= 1


def test_one_sample_has_no_interval_and_none_has_no_mean():
    rng = np.random.default_rng(0)
    assert Estimate.mean([2.0], rng) == Estimate(2.0, None, None, 1)
    with pytest.raises(MetricUndefinedError, match="no sample"):
        Estimate.mean([], rng)


def test_a_score_comes_with_what_one_must_know_to_read_it(inputs: ScoringInputs):
    result = result_of(scoring(3.0), inputs)
    assert (result.status, result.estimate) == ("ok", Estimate(3.0))
    assert (result.higher_is_better, result.value_range) == (False, (0.0, None))
    assert result.reference == "nowhere"


@pytest.mark.parametrize(
    "error", [MetricUndefinedError("too few"), CapabilityError("too few")], ids=type
)
def test_a_score_without_meaning_is_skipped(error: Exception, inputs: ScoringInputs):
    result = result_of(raising(error), inputs)
    assert (result.status, result.reason, result.estimate) == ("skipped", "too few", None)
    assert result.reference == "nowhere"


def test_a_metric_that_lacks_something_is_skipped(inputs: ScoringInputs):
    class Asking(Told):
        requires = frozenset({Capability.GRAPH, Capability.ORACLE})

    result = Asking().compute(EXPLANATION, inputs)
    assert result.status == "skipped"
    assert result.reason == (
        "told needs a causal graph ('graph'), an oracle ('oracle'); this run has no capability"
    )


@pytest.mark.parametrize("error", [ZeroDivisionError("by 0"), RuntimeError("by 0")], ids=type)
def test_an_exception_costs_the_score_and_nothing_else(
    error: Exception, inputs: ScoringInputs, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level("DEBUG"):
        result = result_of(raising(error), inputs)
    assert (result.status, result.estimate) == ("failed", None)
    who, _, what = result.reason.partition(" failed in the score at ")
    assert who == f"{Told.__module__}.{Told.__qualname__}"
    assert re.fullmatch(rf".*test_metric\.py:\d+: {type(error).__name__}: by 0", what)
    assert "Traceback" in caplog.text


def test_the_user_may_still_interrupt(inputs: ScoringInputs):
    with pytest.raises(KeyboardInterrupt):
        result_of(raising(KeyboardInterrupt()), inputs)


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf, -math.inf])
def test_a_value_out_of_range_is_no_score(value: float, inputs: ScoringInputs):
    result = result_of(scoring(value), inputs)
    assert (result.status, result.estimate) == ("failed", None)
    assert result.reason.startswith(f"told: Estimate(value={value}) is not finite")
    assert result.reason.endswith("is not finite, or not in [0.0, inf]")


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ({"chance": Estimate(math.nan)}, "chance"),
        ({"controls": {"ignored": Estimate(-1.0)}}, "ignored"),
        ({"parts": {"other map": Estimate(math.nan)}}, "other map"),
        ({"controls": {"shuffled": Estimate(math.inf)}}, "shuffled"),
    ],
)
def test_what_a_score_is_read_beside_lies_in_the_range_too(
    extra: dict[str, Any], name: str, inputs: ScoringInputs
):
    result = result_of(lambda _: MetricResult("told", estimate=Estimate(1.0), **extra), inputs)
    assert (result.status, result.estimate, result.chance) == ("failed", None, None)
    assert result.reason.startswith(f"{name}: ")
    assert json.dumps(result.to_json(), allow_nan=False)


def test_intervals_keep_to_the_range_of_the_score(inputs: ScoringInputs):
    wide = Estimate(1.0, -2.0, 3.0, 5)
    parts = {"raw": wide}
    result = result_of(lambda _: MetricResult("told", estimate=wide, parts=parts), inputs)
    assert result.estimate == Estimate(1.0, 0.0, 3.0, 5)
    assert result.parts == parts


def test_parts_are_on_scales_of_their_own(inputs: ScoringInputs):
    parts = {"raw": Estimate(-7.0, -8.0, -6.0, 3)}
    result = result_of(lambda _: MetricResult("told", estimate=Estimate(1.0), parts=parts), inputs)
    assert (result.status, result.parts) == ("ok", parts)


def test_the_ends_of_the_range_belong_to_it(inputs: ScoringInputs):
    assert result_of(scoring(0.0), inputs).status == "ok"


NUMBERS = st.floats(allow_nan=False)
ESTIMATES = st.builds(Estimate, NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS, st.integers(1))
TABLES = st.dictionaries(st.text(), ESTIMATES, max_size=3)


@given(
    st.builds(
        MetricResult,
        metric=st.text(),
        status=st.sampled_from(["ok", "skipped", "failed"]),
        estimate=st.none() | ESTIMATES,
        chance=st.none() | ESTIMATES,
        reason=st.text(),
        parts=TABLES,
        controls=TABLES,
        higher_is_better=st.none() | st.booleans(),
        value_range=st.tuples(st.none() | NUMBERS, st.none() | NUMBERS),
        reference=st.text(),
        read=st.none() | st.sampled_from(AttributionSpace),
        translated=st.none() | st.booleans(),
    )
)
def test_json_keeps_everything(result: MetricResult):
    assert MetricResult.from_json(json.loads(json.dumps(result.to_json()))) == result


@given(st.integers(1, 60), st.data())
def test_a_share_has_the_interval_of_wilson(n: int, data: st.DataObject):
    hits = data.draw(st.integers(0, n))
    estimate = Estimate.share([True] * hits + [False] * (n - hits))
    low, high = proportion_confint(hits, n, method="wilson")
    assert (estimate.value, estimate.n) == (hits / n, n)
    assert (estimate.low, estimate.high) == pytest.approx((max(0, low), min(1, high)), abs=1e-9)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_five_hits_in_five_leave_doubt():
    estimate = Estimate.share(np.ones(5))
    # (n + z² / 2 ± z sqrt(z² / 4)) / (n + z²), z = 1.96.
    assert (estimate.low, estimate.high) == pytest.approx((5 / (5 + 1.959964**2), 1))


def test_shares_are_of_hits_and_of_something():
    with pytest.raises(MetricUndefinedError, match="no sample"):
        Estimate.share([])
    with pytest.raises(ValueError, match="each hit must be 0 or 1"):
        Estimate.share([0.0, 0.5])


def test_remarks_on_controls_speak_of_no_data_set():
    metrics = [registry.load("metrics", name) for name in registry.names("metrics")]
    remarks = [why for metric in metrics for why in metric.why_controls_win.values()]
    assert len(remarks) >= 7
    assert not any(word in why for why in remarks for word in ("digit", "stroke"))
