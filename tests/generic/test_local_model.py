"""LIME's surrogate against plain weighted least squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from causalxai.generic.local_model import LocalModel, locality


def samples(seed: int, q: int = 40, d: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    moves = rng.normal(size=(q, d))
    response = moves @ np.array([2.0, 0.0, -1.0, 0.0])[:d] + 0.3 * rng.normal(size=q) + 5
    return moves, response, rng.uniform(0.1, 1, q)


@given(st.integers(0, 10_000))
def test_fidelity_is_that_of_models_without_the_sample(seed: int):
    moves, response, weights = samples(seed, q=25)
    found = LocalModel.fit(moves, response, weights, sparsity=0)
    errors, nothing = [], []
    for left in range(len(moves)):
        kept = np.arange(len(moves)) != left
        model = LinearRegression().fit(moves[kept], response[kept], weights[kept])
        errors.append(response[left] - model.predict(moves[[left]])[0])
        nothing.append(response[left] - np.average(response[kept], weights=weights[kept]))
    expected = 1 - weights @ np.square(errors) / (weights @ np.square(nothing))
    assert found.fidelity == pytest.approx(expected, abs=1e-9)


def test_the_fit_is_weighted_least_squares_on_the_support():
    moves, response, weights = samples(0)
    found = LocalModel.fit(moves, response, weights, sparsity=0.15)
    support = np.flatnonzero(found.coefficients)
    assert set(support) == {0, 2}
    model = LinearRegression().fit(moves[:, support], response, weights)
    np.testing.assert_allclose(found.coefficients[support], model.coef_)
    assert found.intercept == pytest.approx(model.intercept_)


@given(st.integers(0, 10_000), st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_the_selection_is_free_of_scale(seed: int, scale: float, offset: float):
    moves, response, weights = samples(seed)
    one = LocalModel.fit(moves, response, weights, sparsity=0.1)
    other = LocalModel.fit(moves, scale * response + offset, weights, sparsity=0.1)
    np.testing.assert_allclose(other.coefficients, scale * one.coefficients, rtol=1e-6)
    assert other.intercept == pytest.approx(scale * one.intercept + offset, abs=1e-6 * scale)
    assert other.fidelity == pytest.approx(one.fidelity, abs=1e-6)


def test_a_response_that_does_not_vary_has_no_explanation():
    moves, _, weights = samples(0)
    found = LocalModel.fit(moves, np.full(len(moves), 3.0), weights, sparsity=0.05)
    assert not found.coefficients.any()
    assert (found.intercept, found.fidelity) == (pytest.approx(3.0), 0.0)


def test_where_no_sample_is_near_nothing_is_explained():
    rng = np.random.default_rng(0)
    moves = 1e3 * rng.normal(size=(60, 3))
    moves[0] = 0
    weights = locality(moves, 1.0)
    assert np.count_nonzero(weights) == 1
    found = LocalModel.fit(moves, rng.normal(size=60), weights, sparsity=0.05)
    assert not found.coefficients.any()
    assert found.fidelity == 0


def test_noise_has_no_fidelity():
    rng = np.random.default_rng(0)
    moves, weights = rng.normal(size=(60, 20)), np.ones(60)
    assert LocalModel.fit(moves, rng.normal(size=60), weights, sparsity=0.01).fidelity < 0.1


@pytest.mark.filterwarnings("error")
def test_the_narrowest_kernel_leaves_only_what_is_not_moved():
    assert locality(np.array([[0.0, 0.0], [0.0, 1e-3]]), 1e-320).tolist() == [1, 0]


def test_locality_is_limes_kernel():
    moves = np.array([[0.0, 0.0], [3.0, 4.0]])
    expected = np.sqrt(np.exp(-np.array([0.0, 25.0]) / 2**2))
    np.testing.assert_allclose(locality(moves, 2.0), expected)
