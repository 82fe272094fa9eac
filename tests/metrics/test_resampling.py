"""Intervals for scores that are no means."""

from __future__ import annotations

import numpy as np
import pytest

from causalxai import Estimate
from causalxai.metrics.information import binned_dependence
from causalxai.metrics.resampling import bootstrapped, halved, null_range


def test_of_a_mean_all_intervals_are_that_of_the_normal_theory():
    samples = np.random.default_rng(0).normal(3, 2, 400)
    half_width = 1.96 * samples.std() / 20
    for way in (bootstrapped, halved):
        estimate = way(lambda rows: samples[rows].mean(), 400, np.random.default_rng(1), draws=800)
        assert estimate.value == pytest.approx(samples.mean())
        assert estimate.n == 400
        assert estimate.high - estimate.value == pytest.approx(half_width, rel=0.2)
        assert estimate.value - estimate.low == pytest.approx(half_width, rel=0.2)


def test_halves_surround_information_and_the_bootstrap_does_not():
    rng = np.random.default_rng(0)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=200)
        return x, 0.6 * x + 0.8 * rng.normal(size=200)

    expected = np.mean([binned_dependence(*draw(), 8) for _ in range(500)])
    covered = {"halves": 0, "bootstrap": 0}
    for _ in range(60):
        x, y = draw()

        def score(rows: np.ndarray, x: np.ndarray = x, y: np.ndarray = y) -> float:
            return binned_dependence(x[rows], y[rows], 8)

        for name, way in (("halves", halved), ("bootstrap", bootstrapped)):
            estimate = way(score, 200, rng, draws=60)
            covered[name] += estimate.low <= expected <= estimate.high
    assert covered["halves"] >= 51  # 95 % of 60 is 57; P(< 51) is .001.
    assert covered["bootstrap"] < 51


def test_intervals_keep_to_the_range_of_the_score():
    samples = np.r_[np.ones(38), 0.0, 0.0]
    free, kept = (
        halved(lambda rows: samples[rows].mean(), 40, np.random.default_rng(0), bounds=bounds)
        for bounds in ((None, None), (None, 0.96))
    )
    assert free.low == kept.low < free.value
    assert free.high > kept.high == 0.96


def test_values_are_plain_numbers():
    for way in (bootstrapped, halved):
        estimate = way(lambda rows: rows.mean(), 8, np.random.default_rng(0))
        assert {type(estimate.value), type(estimate.low), type(estimate.high)} == {float}


def test_draws_without_a_score_do_not_count():
    samples = np.array([1.0, 2.0, np.nan])

    def score(rows: np.ndarray) -> float:
        return float("nan") if len(set(rows)) < 2 else float(np.nanmean(samples[rows]))

    estimate = bootstrapped(score, 3, np.random.default_rng(0))
    assert np.isfinite([estimate.low, estimate.high]).all()
    assert bootstrapped(score, 1, np.random.default_rng(0)).low is None


def test_the_range_of_chance_is_that_of_single_scores():
    assert null_range(np.arange(101.0)) == Estimate(50.0, 2.5, 97.5, 101)
