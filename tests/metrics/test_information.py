"""Mutual information against scikit-learn, brute force and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats
from scipy.special import digamma
from sklearn.metrics import mutual_info_score, normalized_mutual_info_score

from causalxai.metrics.information import (
    binned_dependence,
    boolean_coefficient,
    coefficient,
    entropy,
    equal_frequency,
    information,
)

Column = NDArray[np.float64]

CODES = arrays(np.int64, 30, elements=st.integers(0, 4))
COLUMNS = arrays(np.float64, 24, elements=st.floats(-50, 50, width=16))


@given(CODES, CODES)
def test_information_of_codes_is_scikit_learns(one: NDArray[np.int64], other: NDArray[np.int64]):
    assert information(one, other) == pytest.approx(mutual_info_score(one, other), abs=1e-12)
    assert information(one, other) == pytest.approx(information(other, one), abs=1e-12)
    assert entropy(one) == pytest.approx(information(one, one), abs=1e-12)


@given(COLUMNS, COLUMNS)
def test_the_index_is_information_over_the_geometric_mean_of_entropies(one: Column, other: Column):
    found = binned_dependence(one, other, 4)
    codes = equal_frequency(one, 4), equal_frequency(other, 4)
    if min(len(np.unique(code)) for code in codes) < 2:
        assert np.isnan(found)
        return
    theirs = normalized_mutual_info_score(*codes, average_method="geometric")
    assert found == pytest.approx(theirs, abs=1e-9)
    assert 0 <= found <= 1
    assert found == pytest.approx(binned_dependence(other, one, 4), abs=1e-12)


@given(COLUMNS, COLUMNS, st.floats(0.01, 100), st.floats(-100, 100))
def test_only_ranks_count(one: Column, other: Column, scale: float, offset: float):
    found = binned_dependence(one, other, 4)
    # Scaled by a power of two: rounding must not merge values.
    power = 2.0 ** round(np.log2(scale))
    for changed in (one * power, one**3, np.arctan(one)):
        assert binned_dependence(changed, other, 4) == pytest.approx(found, nan_ok=True)
    assert binned_dependence(other, one, 4) == pytest.approx(found, nan_ok=True)


@given(st.permutations(range(40)), st.sampled_from([2, 4, 5, 8, 10]))
def test_bins_hold_equally_many(order: list[int], bins: int):
    counts = np.bincount(equal_frequency(np.array(order, dtype=float), bins))
    assert counts.tolist() == [40 // bins] * bins


def test_equal_values_share_a_bin():
    codes = equal_frequency(np.array([0.0, 0, 0, 0, 0, 1, 2, 3]), 4)
    assert len(np.unique(codes[:5])) == 1
    assert codes.tolist() == sorted(codes)


@pytest.mark.parametrize("bins", [2, 5, 8])
def test_any_invertible_code_scores_one(bins: int):
    values = np.random.default_rng(0).normal(size=200)
    for code in (values, -values, np.exp(values), values**3):
        assert binned_dependence(values, code, bins) == pytest.approx(1)


def test_a_boolean_is_its_own_code():
    rng = np.random.default_rng(0)
    bit = rng.permutation(np.repeat([0.0, 1.0], 200))
    assert binned_dependence(bit, bit + rng.normal(size=400) / 100, 8, boolean=True) == (
        pytest.approx(1)
    )
    importance = bit + rng.normal(size=400)
    codes = equal_frequency(importance, 8)
    expected = mutual_info_score(bit.astype(int), codes) / stats.entropy(
        np.bincount(bit.astype(int))
    )
    assert binned_dependence(bit, importance, 8, boolean=True) == pytest.approx(expected)


def test_a_column_in_one_bin_has_no_index():
    constant, varying = np.zeros(20), np.arange(20.0)
    assert np.isnan(binned_dependence(constant, varying, 4))
    assert np.isnan(binned_dependence(varying, constant, 4))
    assert np.isnan(binned_dependence(constant, varying, 4, boolean=True))
    assert np.isnan(boolean_coefficient(constant, varying, 3, 0))


def kraskov(x: Column, y: Column, k: int) -> float:
    """Return the first estimator of Kraskov et al., by all distances."""
    dx, dy = (np.abs(column[:, None] - column[None]) for column in (x, y))
    for distances in (dx, dy):
        np.fill_diagonal(distances, np.inf)
    radius = np.sort(np.maximum(dx, dy), axis=1)[:, k - 1 : k]
    near = digamma((dx < radius).sum(axis=1) + 1) + digamma((dy < radius).sum(axis=1) + 1)
    return float(digamma(k) + digamma(len(x)) - near.mean())


@pytest.mark.parametrize("correlation", [0.5, 0.9, -0.9])
def test_the_coefficient_is_that_of_brute_force(correlation: float):
    rng = np.random.default_rng(1)
    x = rng.normal(size=150)
    y = correlation * x + (1 - correlation**2) ** 0.5 * rng.normal(size=150)
    scores = [stats.norm.ppf((stats.rankdata(column) - 0.5) / 150) for column in (x, y)]
    # scikit-learn brings columns to unit variance first.
    nats = kraskov(*(column / column.std() for column in scores), k=5)
    expected = np.sqrt(1 - np.exp(-2 * max(nats, 0)))
    # Normal scores lie on a grid: some distances are equal, and scikit-learn's noise parts them.
    assert coefficient(np.exp(x), y**3, 5, 0) == pytest.approx(expected, abs=3e-3)


@pytest.mark.parametrize("correlation", [0.6, -0.9, 0.99])
def test_for_normal_columns_the_coefficient_is_the_correlation(correlation: float):
    rng = np.random.default_rng(2)
    x = rng.normal(size=2000)
    y = correlation * x + (1 - correlation**2) ** 0.5 * rng.normal(size=2000)
    assert coefficient(x, y, 5, 0) == pytest.approx(abs(correlation), abs=0.03)


def test_the_coefficient_sees_what_correlation_does_not():
    x = np.random.default_rng(3).normal(size=1000)
    assert abs(stats.spearmanr(x, x**2).statistic) < 0.1
    assert coefficient(x, x**2, 5, 0) > 0.95


def test_a_boolean_that_is_told_for_certain_scores_one():
    rng = np.random.default_rng(4)
    bit = (rng.random(500) < 0.2).astype(float)
    told, half = bit + rng.random(500) / 2, bit + 2 * rng.normal(size=500)
    assert boolean_coefficient(bit, told, 5, 0) == pytest.approx(1, abs=0.05)
    assert 0.1 < boolean_coefficient(bit, half, 5, 0) < 0.8
    assert boolean_coefficient(bit, rng.normal(size=500), 5, 0) < 0.3
