from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from causalxai.errors import DataError
from causalxai_glance.scm import (
    Basis,
    Link,
    MdlScore,
    Noise,
    StructuralEquation,
    StructuralModel,
    total,
)

LINE, NORMAL = Basis(), Noise((1.0,), (0.0,), (1.0,))


def toy() -> StructuralModel:
    """b = e_b, a = 1 + 2 b + e_a, c = sigmoid(a - b + e_c), and d by itself."""
    root = StructuralEquation(1, (), Link(), 0.0, (), (), NORMAL, 0.0)
    alone = StructuralEquation(3, (), Link(), 5.0, (), (), NORMAL, 0.0)
    middle = StructuralEquation(0, (1,), Link(), 1.0, (LINE,), ((2.0,),), NORMAL, 0.0)
    link = Link("logit", 0.0, 1.0, guard=1e-3)
    last = StructuralEquation(2, (0, 1), link, 0.0, (LINE, LINE), ((1.0,), (-1.0,)), NORMAL, 0.0)
    edges = frozenset({(1, 0), (0, 2), (1, 2)})
    return StructuralModel(("a", "b", "c", "d"), edges, (root, alone, middle, last))


def units(n: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return noise and the values it leads to, by the equations themselves."""
    e = np.random.default_rng(seed).normal(size=(n, 4))
    b = e[:, 1]
    a = 1 + 2 * b + e[:, 0]
    c = 1 / (1 + np.exp(-(a - b + e[:, 2])))
    return e, np.stack([a, b, c, 5 + e[:, 3]], axis=1)


def single(column: int, setting: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.array([[column]]), setting[None, :, None]


def test_abduction_finds_the_noise():
    noise, values = units()
    np.testing.assert_allclose(toy().abduct(values), noise, atol=1e-10)


def test_prediction_is_the_equations():
    noise, values = units()
    np.testing.assert_allclose(toy().predict(noise), values, rtol=1e-12)
    done = toy().predict(noise, {0: 0.5, 3: np.arange(40.0)})
    np.testing.assert_array_equal(done[:, 0], 0.5)
    np.testing.assert_array_equal(done[:, 3], np.arange(40.0))
    np.testing.assert_allclose(done[:, 1], values[:, 1])
    logit = 0.5 - values[:, 1] + noise[:, 2]
    np.testing.assert_allclose(done[:, 2], 1 / (1 + np.exp(-logit)))


def test_counterfactuals_are_the_equations_with_the_units_own_noise():
    noise, values = units()
    setting = values[:, 1] + 1
    (done,) = toy().counterfactual(values, *single(1, setting))
    a = 1 + 2 * setting + noise[:, 0]
    c = 1 / (1 + np.exp(-(a - setting + noise[:, 2])))
    np.testing.assert_allclose(done[:, 0], a)
    np.testing.assert_allclose(done[:, 2], c)


def test_counterfactuals_agree_with_the_three_steps():
    _, values = units()
    model = toy()
    targets = np.array([[0, -1], [1, 3], [2, 0], [-1, -1]])
    settings_ = np.random.default_rng(1).normal(size=(4, 40, 2))
    done = model.counterfactual(values, targets, settings_)
    for query, aims in enumerate(targets):
        actions = {int(c): settings_[query, :, k] for k, c in enumerate(aims) if c >= 0}
        expected = model.predict(model.abduct(values), actions)
        np.testing.assert_allclose(done[query], expected, rtol=1e-9, atol=1e-12)


def test_what_is_no_descendant_stays_to_the_bit():
    _, values = units()
    (done,) = toy().counterfactual(values, *single(0, values[:, 0] * 3))
    np.testing.assert_array_equal(done[:, [1, 3]], values[:, [1, 3]])
    assert (done[:, 2] != values[:, 2]).all()


def test_nothing_done_changes_nothing():
    _, values = units()
    none = toy().counterfactual(values, [[-1, -1]], np.full((1, 40, 2), np.nan))
    np.testing.assert_array_equal(none[0], values)
    np.testing.assert_array_equal(
        toy().counterfactual(values, np.empty((1, 0)), np.empty((1, 40, 0)))[0], values
    )
    (same,) = toy().counterfactual(values, *single(1, values[:, 1]))
    np.testing.assert_array_equal(same, values)


def test_everything_set_is_as_set():
    _, values = units()
    wanted = np.random.default_rng(2).normal(size=(1, 40, 4))
    done = toy().counterfactual(values, [[3, 1, 0, 2]], wanted)
    np.testing.assert_array_equal(done[0][:, [3, 1, 0, 2]], wanted[0])


def test_values_beyond_a_link_are_kept_until_a_cause_changes():
    _, values = units()
    values[:5, 2] = 1.5
    model = toy()
    setting = np.where(np.arange(40) < 3, values[:, 0], values[:, 0] + 1)
    (done,) = model.counterfactual(values, *single(0, setting))
    np.testing.assert_array_equal(done[:3], values[:3])
    assert np.isfinite(done).all() and (done[3:, 2] < 1).all()
    # The noise of a value beyond is that of the nearest value which the link knows.
    nearest = values.copy()
    nearest[:5, 2] = 1 - 1e-3
    np.testing.assert_allclose(model.abduct(values), model.abduct(nearest))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), column=st.integers(0, 3), size=st.floats(-2, 2))
def test_doing_and_undoing_leads_back(seed, column, size):
    _, values = units(8, seed)
    model = toy()
    (there,) = model.counterfactual(values, *single(column, values[:, column] + size))
    if column != 2:  # What is beyond the guard can't be abducted.
        assume(all(((x[:, 2] > 2e-3) & (x[:, 2] < 1 - 2e-3)).all() for x in (values, there)))
    (back,) = model.counterfactual(there, *single(column, values[:, column]))
    np.testing.assert_allclose(back, values, rtol=1e-6, atol=1e-8)


@pytest.fixture(scope="module")
def fitted() -> tuple[StructuralModel, np.ndarray]:
    rng = np.random.default_rng(3)
    cause = rng.gamma(3.0, size=1_000)
    bent = np.tanh(cause - 3) + 0.2 * rng.normal(size=1_000)
    bounded = 255 / (1 + np.exp(-2 * bent - 0.3 * rng.normal(size=1_000)))
    values = np.stack([bounded, cause, bent], axis=1)
    return StructuralModel.fit(values, ["bounded", "cause", "bent"]), values


def test_a_fitted_model_finds_the_graph_and_the_effects(fitted):
    model, values = fitted
    assert model.edges == {(1, 2), (2, 0)}
    assert [m.child for m in model.equations] == [1, 2, 0]
    assert model.score == pytest.approx(total(model.edges, MdlScore(values), 3))
    (done,) = model.counterfactual(values, *single(1, np.full(1_000, 3.0)))
    noise = values[:, 2] - np.tanh(values[:, 1] - 3)
    error = done[:, 2] - noise
    assert np.sqrt((error**2).mean()) < 0.06


def test_a_fitted_model_leads_back_to_its_data(fitted):
    model, values = fitted
    np.testing.assert_allclose(model.predict(model.abduct(values)), values, rtol=1e-9)


def test_a_graph_can_be_given(fitted):
    _, values = fitted
    model = StructuralModel.fit(values, ["x", "y", "z"], edges=[(0, 1)])
    assert model.edges == {(0, 1)}
    assert {m.child: m.parents for m in model.equations} == {0: (), 1: (0,), 2: ()}
    known = StructuralModel.fit(values, ["x", "y", "z"], required=[(2, 1)], forbidden=[(2, 0)])
    assert (2, 1) in known.edges and (2, 0) not in known.edges


def test_json_keeps_every_bit(fitted):
    model, values = fitted
    again = StructuralModel.from_json(json.loads(json.dumps(model.to_json())))
    assert again == model
    np.testing.assert_array_equal(again.abduct(values), model.abduct(values))
    noise = model.abduct(values)
    np.testing.assert_array_equal(again.predict(noise, {1: 2.0}), model.predict(noise, {1: 2.0}))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: m.counterfactual(x, [[4]], np.zeros((1, 40, 1))), "not among the 4 columns"),
        (lambda m, x: m.counterfactual(x, [[-2]], np.zeros((1, 40, 1))), "not among the 4 columns"),
        (lambda m, x: m.counterfactual(x, [[0]], np.zeros((1, 39, 1))), r"\[q, n, k\]"),
        (lambda m, x: m.counterfactual(x, [[1, 1]], np.zeros((1, 40, 2))), "twice"),
        (lambda m, x: m.counterfactual(x, [[1]], np.full((1, 40, 1), np.inf)), "not finite"),
        (lambda m, x: m.counterfactual(x * np.nan, [[1]], np.zeros((1, 40, 1))), "'a' is not"),
        (lambda m, x: m.abduct(x[:, :2]), r"\[n, 4\]"),
        (lambda m, x: m.predict(x, {7: 0.0}), "not among the"),
        (lambda m, x: m.fit(x, ["a", "b"]), "2 names"),
        (lambda m, x: m.fit(x, "abcd", edges=[(0, 1), (1, 0)]), "cycle"),
        (lambda m, x: m.fit(x, "abcd", edges=[(0, 9)]), "between the 4"),
        (lambda m, x: m.fit(x * [1, 1, 1, 0], "abcd"), "'d' is constant"),
    ],
)
def test_mistakes_are_told(call, message):
    with pytest.raises(DataError, match=message):
        call(toy(), units()[1])
