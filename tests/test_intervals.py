"""Intervals of means and of other scores; how often they hold is a family of ``make trust``."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from causalxai.intervals import limited, mean_interval, score_interval, widened


def resamples(n: int, r: int = 2000) -> np.ndarray:
    return np.random.default_rng(0).integers(0, n, (r, n))


def test_of_many_values_it_is_students():
    data = np.random.default_rng(1).normal(3, 2, 500)
    low, high = mean_interval(data, resamples(500))
    expected = stats.ttest_1samp(data, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx(tuple(expected), abs=0.02)
    assert low <= expected.low + 1e-9
    assert high >= expected.high - 1e-9


@pytest.mark.parametrize("n", [5, 8, 20])
def test_units_and_signs_do_not_matter(n: int):
    data = np.random.default_rng(2).exponential(size=n)
    drawn = resamples(n)
    low, high = mean_interval(data, drawn)
    assert mean_interval(7 + 3 * data, drawn) == pytest.approx((7 + 3 * low, 7 + 3 * high))
    assert mean_interval(-data, drawn) == pytest.approx((-high, -low), rel=0.02, abs=0.02)


def test_the_end_towards_the_long_tail_is_farther_away():
    data = np.array([0.1, 0.2, 0.2, 0.3, 0.5, 0.6, 1.0, 3.0])
    low, high = mean_interval(data, resamples(8))
    assert high - data.mean() > 2 * (data.mean() - low)
    student = stats.ttest_1samp(data, 0).confidence_interval(0.95)
    assert high > student.high


def test_what_nobody_can_know_is_not_told():
    assert mean_interval(np.arange(4.0), resamples(4)) is None
    assert mean_interval(np.full(30, 0.1), resamples(30)) is None
    assert mean_interval(np.full(30, 0.1), resamples(30), (0.0, None)) is None
    # Student's interval of one exception in a hundred would be far too narrow.
    rare = np.array([0.0] * 99 + [1.0])
    assert mean_interval(rare, resamples(100)) is None
    low, high = mean_interval(rare, resamples(100), (0.0, 2.0))
    assert low == 0
    assert high == 2 * stats.beta.ppf(0.975, 1.5, 99.5)


def test_of_a_mean_the_interval_of_a_score_is_at_least_that_of_the_mean():
    data = np.random.default_rng(3).exponential(size=12)
    drawn = resamples(12)
    without = np.array([np.delete(data, one).mean() for one in range(12)])
    low, high = score_interval(data.mean(), without, data[drawn].mean(axis=1), drawn)
    least, most = mean_interval(data, drawn)
    assert low <= least + 1e-9
    assert high == pytest.approx(most)
    assert score_interval(1.0, np.array([1.0] * 7 + [np.nan]), np.ones(9), drawn[:, :8]) is None


def test_percentile_intervals_become_students():
    n, value = 8, np.float64(1.0)
    normal = value + np.array([-1.0, 1.0]) * stats.norm.ppf(0.975) * np.sqrt((n - 1) / n**2)
    student = value + np.array([-1.0, 1.0]) * stats.t.ppf(0.975, n - 1) / np.sqrt(n)
    assert widened(normal, value, n) == pytest.approx(student)
    certain = np.array([1.0, 1.0])
    assert (widened(certain, value, n) == certain).all()
    assert (widened(certain, value, 1) == certain).all()


def test_ends_outside_of_the_range_are_moved_to_it():
    assert limited(-2.0, 3.0, (-1.0, None)) == (-1.0, 3.0)
    assert limited(-2.0, 3.0, (None, 1.0)) == (-2.0, 1.0)
