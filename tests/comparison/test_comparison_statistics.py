from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from causalxai.comparison.statistics import mean_of, paired_difference, ranks

FLOATS = st.floats(-1e3, 1e3)


@given(st.lists(FLOATS, min_size=2, max_size=9))
def test_means_have_students_interval(values: list[float]):
    mean = mean_of(values)
    assert mean.n == len(values)
    assert mean.value == pytest.approx(np.mean(values))
    assert mean.sd == pytest.approx(np.std(values, ddof=1))
    error = stats.sem(values)
    if error > 1e-9:
        low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert (mean.low, mean.high) == pytest.approx((low, high))


def test_one_value_has_no_interval():
    mean = mean_of([3.0])
    assert (mean.value, mean.sd, mean.low, mean.high, mean.n) == (3.0, None, None, None, 1)


@given(st.lists(FLOATS, min_size=1, max_size=8), st.booleans())
def test_ranks_are_scipys(values: list[float], higher_is_better: bool):
    scores = {f"label {index}": value for index, value in enumerate(values)}
    expected = stats.rankdata([-value if higher_is_better else value for value in values])
    found = ranks(scores, higher_is_better=higher_is_better)
    assert list(found) == list(scores)
    assert list(found.values()) == pytest.approx(list(expected))


def test_pairs_are_compared_with_one_another():
    first, second = [10.0, 20.0, 30.0], [9.0, 19.0, 29.5]
    found = paired_difference(first, second, True, "a", "b")
    assert found.estimate.value == pytest.approx(2.5 / 3)
    assert (found.estimate.n, found.wins) == (3, 1.0)
    # Unpaired, twenty would lie between; in pairs no gap is above 1 or below .5.
    assert 0.5 <= found.estimate.low <= found.estimate.high <= 1.0
    assert paired_difference(second, first, True, "a", "b").estimate.value == -found.estimate.value


def test_wins_know_the_direction_and_share_ties():
    pairs = [1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 4.0, 5.0]
    assert paired_difference(*pairs, True, "x").wins == pytest.approx((1 + 0.5 + 0 + 0) / 4)
    assert paired_difference(*pairs, False, "x").wins == pytest.approx((0 + 0.5 + 1 + 1) / 4)
    assert paired_difference(*pairs, None, "x").wins is None


def test_a_single_pair_has_no_interval():
    estimate = paired_difference([2.0], [1.0], True, "x").estimate
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (1.0, None, None, 1)


def test_the_interval_covers_the_difference_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for repeat in range(200):
        subject = rng.normal(0, 10, 30)  # what pairs share, far larger than the difference
        first, second = subject + rng.normal(1, 1, 30), subject + rng.normal(0, 1, 30)
        found = paired_difference(first, second, True, str(repeat)).estimate
        covered += found.low <= 1 <= found.high
    # 95 % of 200 with a binomial's four standard errors; the percentile's is a little narrow.
    assert 0.88 <= covered / 200 <= 0.995


def test_the_same_question_has_the_same_answer():
    first, second = np.random.default_rng(1).normal(size=(2, 12))
    once, again = (paired_difference(first, second, True, "m", "a", "b") for _ in range(2))
    assert once == again
