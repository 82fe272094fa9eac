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


def test_halves_surround_information():
    rng = np.random.default_rng(0)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=200)
        return x, 0.6 * x + 0.8 * rng.normal(size=200)

    expected = np.mean([binned_dependence(*draw(), 8) for _ in range(500)])
    covered = 0
    for _ in range(60):
        x, y = draw()

        def score(rows: np.ndarray, x: np.ndarray = x, y: np.ndarray = y) -> float:
            return binned_dependence(x[rows], y[rows], 8)

        estimate = halved(score, 200, rng, draws=60)
        covered += estimate.low <= expected <= estimate.high
    assert covered >= 51  # 95 % of 60 is 57; P(< 51) is .001.


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
        estimate = way(lambda rows: rows.mean(), 20, np.random.default_rng(0))
        assert {type(estimate.value), type(estimate.low), type(estimate.high)} == {float}


def test_draws_without_a_score_do_not_count():
    samples = np.array([1.0, 2.0, 2.5, 4.0, 3.0, 1.0])

    def score(rows: np.ndarray) -> float:
        return float("nan") if len(set(rows)) < 4 else float(samples[rows].mean())

    estimate = bootstrapped(score, 6, np.random.default_rng(0))
    assert np.isfinite([estimate.low, estimate.high]).all()


def test_few_images_and_scores_that_do_not_vary_have_no_interval():
    samples = np.arange(6.0)
    for n in (1, 2, 4):
        estimate = bootstrapped(lambda rows: samples[rows].mean(), n, np.random.default_rng(0))
        assert (estimate.low, estimate.high, estimate.n) == (None, None, n)
    assert bootstrapped(lambda _: 1.0, 8, np.random.default_rng(0)) == Estimate(1.0, n=8)
    assert halved(lambda rows: samples[rows].mean(), 6, np.random.default_rng(0)).low is None


def test_a_ratio_is_as_uncertain_as_its_delta_method_says():
    rng = np.random.default_rng(0)
    x, y = rng.normal(5, 1, 400), rng.normal(3, 0.5, 400)
    ratio = x.mean() / y.mean()
    half = 1.96 * (x - ratio * y).std() / y.mean() / 20
    found = bootstrapped(lambda rows: x[rows].mean() / y[rows].mean(), 400, rng)
    assert found.high - found.value == pytest.approx(half, rel=0.15)
    assert found.value - found.low == pytest.approx(half, rel=0.15)
    # The range is that of the score.
    kept = bootstrapped(lambda r: x[r].mean() / y[r].mean(), 400, rng, bounds=(None, ratio))
    assert kept.high == pytest.approx(ratio)


def test_the_generator_is_used_as_much_for_few_images_as_for_many():
    for n in (2, 4, 8):
        used, expected = np.random.default_rng(0), np.random.default_rng(0)
        bootstrapped(lambda rows: rows.mean(), n, used)
        expected.integers(0, n, (500, n))
        assert used.bit_generator.state == expected.bit_generator.state


def test_the_range_of_chance_is_that_of_single_scores():
    assert null_range(np.arange(101.0)) == Estimate(50.0, 2.5, 97.5, 101)
