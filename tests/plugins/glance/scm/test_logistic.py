"""Logistic regressions against scikit-learn's, and the scores that they lead to."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from causalxai_glance.scm import MdlScore, ThresholdEquation
from causalxai_glance.scm.logistic import fit_rows, fit_tables, tabulate


def attributes(n: int, seed: int = 0, d: int = 5) -> np.ndarray:
    """Return ``[n, d]`` of 0 and 1, each loaded by those before it."""
    rng = np.random.default_rng(seed)
    x = np.zeros((n, d))
    for child in range(d):
        effects = rng.normal(0, 1.5, child)
        x[:, child] = rng.random(n) < expit(rng.normal(0, 0.7) + (x[:, :child] - 0.5) @ effects)
    return x


def reference(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return scikit-learn's weights, the intercept first, and the negative log likelihood."""
    if not x.shape[1]:
        share = y.mean()
        return np.array([np.log(share / (1 - share))]), log_loss(y, np.full(len(y), share)) * len(y)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(x, y)
    loss = log_loss(y, model.predict_proba(x)[:, 1], normalize=False)
    return np.r_[model.intercept_, model.coef_[0]], float(loss)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("parents", [(), (0,), (1, 3), (0, 1, 2, 3)])
def test_the_score_is_scikit_learns_likelihood_and_half_a_log_a_constant(seed, parents):
    x = attributes(1000, seed)
    weights, loss = reference(x[:, list(parents)], x[:, 4])
    found = MdlScore(x).equation(4, frozenset(parents))
    assert isinstance(found, ThresholdEquation)
    constants = 1 + len(parents)
    assert found.parameters == constants
    assert found.score == pytest.approx(loss + 0.5 * constants * np.log(1000), abs=1e-3)
    fitted = [found.intercept, *(weight for (weight,) in found.coefficients)]
    np.testing.assert_allclose(fitted, weights, atol=2e-3)


def test_a_continuous_cause_is_a_line_or_a_spline_as_it_pays():
    rng = np.random.default_rng(0)
    cause = rng.normal(size=2000)
    line = rng.random(2000) < expit(2 * cause - 0.5)
    hill = rng.random(2000) < expit(3 - 3 * cause**2)
    score = MdlScore(np.column_stack([cause, line, hill]))
    straight = score.equation(1, frozenset({0}))
    weights, loss = reference(cause[:, None], line.astype(float))
    assert straight.bases[0].knots == ()
    assert straight.score == pytest.approx(loss + np.log(2000), abs=1e-3)
    at = np.array([[-1.0], [0.0], [2.0]])
    np.testing.assert_allclose(straight.log_odds(at), weights[0] + weights[1] * at[:, 0], atol=5e-3)
    bent = score.equation(2, frozenset({0}))
    assert bent.bases[0].knots
    columns = bent.bases[0].columns(cause)
    _, loss = reference(columns, hill.astype(float))
    assert bent.score == pytest.approx(loss + 0.5 * bent.parameters * np.log(2000), abs=0.05)
    np.testing.assert_allclose(bent.log_odds(at), 3 - 3 * at[:, 0] ** 2, atol=2)


def test_mixed_parents_are_scikit_learns_fit():
    rng = np.random.default_rng(1)
    group, cause = (rng.random(1500) < 0.4) + 0.0, rng.gamma(3, 1, 1500)
    child = (rng.random(1500) < expit(-2 + 1.5 * group + 0.5 * cause)) + 0.0
    found = MdlScore(np.column_stack([group, cause, child])).equation(2, frozenset({0, 1}))
    weights, loss = reference(np.column_stack([group, cause]), child)
    at = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 6.0]])
    np.testing.assert_allclose(found.log_odds(at), weights[0] + at @ weights[1:], atol=5e-3)
    assert found.score == pytest.approx(loss + 1.5 * np.log(1500), abs=1e-3)


def test_a_boolean_cause_of_a_continuous_effect_is_a_line():
    rng = np.random.default_rng(2)
    group = (rng.random(800) < 0.5) + 0.0
    effect = 3 + 2 * group + rng.normal(size=800)
    found = MdlScore(np.column_stack([group, effect])).equation(1, frozenset({0}))
    (basis,) = found.bases
    assert basis.knots == ()
    apart = found.linear(np.array([[1.0]])) - found.linear(np.array([[0.0]]))
    means = effect[group == 1].mean() - effect[group == 0].mean()
    assert apart == pytest.approx(means, abs=0.05)


def test_tables_count_rows():
    x = attributes(300).astype(np.int64)
    sets = [*combinations(range(4), 2)]
    design, total, present = tabulate(x, x[:, 4].astype(float), np.ones(300), sets)
    assert design.tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]]
    for row, chosen in enumerate(sets):
        for cell, values in enumerate(design[:, 1:]):
            here = (x[:, list(chosen)] == values).all(axis=1)
            assert total[row, cell] == here.sum()
            assert present[row, cell] == x[here, 4].sum()


def test_many_tables_are_fitted_as_one_by_one():
    x = attributes(500)
    sets = [*combinations(range(4), 3)]
    design, total, present = tabulate(x.astype(np.int64), x[:, 4], np.ones(500), sets)
    weights, losses = fit_tables(design, total, present)
    for row, chosen in enumerate(sets):
        alone, loss = fit_rows(np.column_stack([np.ones(500), x[:, list(chosen)]]), x[:, 4])
        np.testing.assert_allclose(weights[row], alone, atol=1e-4)
        assert losses[row] == pytest.approx(loss, abs=1e-6)


def test_an_effect_that_never_fails_has_finite_odds():
    cause = np.repeat([0.0, 1.0], 200)
    weights, loss = fit_rows(np.column_stack([np.ones(400), cause]), cause)
    assert np.isfinite(weights).all()
    assert 0 <= loss < 0.05
    assert expit(weights[0]) < 1e-3 < 1 - 1e-3 < expit(weights.sum())


def test_of_two_attributes_either_way_costs_the_same():
    x = attributes(700, d=2)
    score = MdlScore(x)
    forward = score(0, frozenset()) + score(1, frozenset({0}))
    backward = score(1, frozenset()) + score(0, frozenset({1}))
    assert forward == pytest.approx(backward, abs=1e-3)
