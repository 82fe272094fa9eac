from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from causalxai.comparison.statistics import mean_of, paired_difference, ranks, rounded

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


@given(FLOATS, st.integers(2, 5))
def test_what_does_not_vary_has_no_interval_of_no_width(value: float, n: int):
    mean = mean_of([value] * n)
    assert (mean.value, mean.low, mean.high, mean.n) == (pytest.approx(value), None, None, n)


def test_one_value_has_no_interval():
    mean = mean_of([3.0])
    assert (mean.value, mean.sd, mean.low, mean.high, mean.n) == (3.0, None, None, None, 1)


@given(st.lists(FLOATS.map(rounded), min_size=1, max_size=8), st.booleans())
def test_ranks_are_scipys(values: list[float], higher_is_better: bool):
    scores = {f"label {index}": value for index, value in enumerate(values)}
    expected = stats.rankdata([-value if higher_is_better else value for value in values])
    found = ranks(scores, higher_is_better=higher_is_better)
    assert list(found) == list(scores)
    assert list(found.values()) == pytest.approx(list(expected))


def test_pairs_are_compared_with_one_another():
    first, second = [10.0, 20.0, 30.0], [9.0, 19.0, 29.5]
    found = paired_difference(first, second, higher_is_better=True)
    assert found.mean.value == pytest.approx(2.5 / 3)
    assert (found.mean.n, found.wins) == (3, 1.0)
    expected = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (found.mean.low, found.mean.high) == pytest.approx(tuple(expected))
    turned = paired_difference(second, first, higher_is_better=True)
    assert turned.mean.value == -found.mean.value


def test_wins_know_the_direction_and_share_ties():
    pairs = [1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 4.0, 5.0]
    wins = {
        higher: paired_difference(*pairs, higher_is_better=higher).wins
        for higher in (True, False, None)
    }
    assert wins[True] == pytest.approx((1 + 0.5 + 0 + 0) / 4)
    assert wins[False] == pytest.approx((0 + 0.5 + 1 + 1) / 4)
    assert wins[None] is None


def test_rounding_neither_wins_nor_ranks():
    found = paired_difference([0.1 + 0.2, 0.3], [0.3, 0.3], higher_is_better=True)
    assert found.wins == 0.5
    assert (found.mean.value, found.mean.low, found.mean.high) == (0, None, None)
    scores = {"a": 0.1 + 0.2, "b": 0.3, "c": 0.3 + 1e-9}
    assert ranks(scores, higher_is_better=True) == {"a": 2.5, "b": 2.5, "c": 1}
    small = paired_difference([1e-15], [0.0], higher_is_better=True)
    assert small.wins == 1


def test_a_single_pair_has_no_interval():
    mean = paired_difference([2.0], [1.0], higher_is_better=True).mean
    assert (mean.value, mean.low, mean.high, mean.n) == (1.0, None, None, 1)


@pytest.mark.parametrize("pairs", [2, 3, 5])
def test_the_interval_covers_the_difference_as_often_as_it_says(pairs: int):
    rng = np.random.default_rng(pairs)
    covered = 0
    for _ in range(400):
        subject = rng.normal(0, 10, pairs)  # what pairs share, far larger than the difference
        first, second = subject + rng.normal(1, 1, pairs), subject + rng.normal(0, 1, pairs)
        mean = paired_difference(first, second, higher_is_better=True).mean
        assert mean.low is not None and mean.high is not None
        covered += mean.low <= 1 <= mean.high
    # 95 % of 400, give or take four standard errors of a binomial.
    assert abs(covered / 400 - 0.95) < 4 * (0.95 * 0.05 / 400) ** 0.5
