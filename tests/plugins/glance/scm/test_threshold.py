"""Boolean concepts: abduction keeps units, counterfactuals follow the equation."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from causalxai.errors import DataError
from causalxai_glance.scm import Basis, StructuralModel, ThresholdEquation

LINE = Basis()
ODDS = st.floats(-12, 12)


def root(child: int, odds: float) -> ThresholdEquation:
    return ThresholdEquation(child, (), odds, (), (), 0.0)


def pair(without: float, effect: float) -> StructuralModel:
    """Return a model of two attributes, of which 0 adds ``effect`` to the log odds of 1."""
    child = ThresholdEquation(1, (0,), without, (LINE,), ((effect,),), 0.0)
    return StructuralModel(("a", "b"), frozenset({(0, 1)}), (root(0, 0.0), child))


def chain() -> StructuralModel:
    first = ThresholdEquation(1, (0,), -1.0, (LINE,), ((2.5,),), 0.0)
    last = ThresholdEquation(2, (0, 1), 0.5, (LINE, LINE), ((-1.5,), (3.0,)), 0.0)
    edges = frozenset({(0, 1), (0, 2), (1, 2)})
    return StructuralModel(("a", "b", "c"), edges, (root(0, 0.3), first, last))


KINDS = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], dtype=float)
FOUR = KINDS[::2, :2].copy()


def do(column: int, value: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([[column]]), np.full((1, n, 1), value)


@pytest.mark.parametrize("rng", [None, np.random.default_rng(0)])
def test_units_that_nothing_is_done_to_stay_as_they_are(rng):
    model, units = chain(), np.repeat(KINDS, 500, axis=0)
    np.testing.assert_array_equal(model.predict(model.abduct(units, rng)), units)


@given(ODDS, ODDS, st.integers(0, 2**32 - 1))
def test_so_they_do_at_any_odds(without: float, effect: float, seed: int):
    model = pair(without, effect)
    for rng in (None, np.random.default_rng(seed)):
        np.testing.assert_array_equal(model.predict(model.abduct(FOUR, rng)), FOUR)


def test_drawn_noise_is_logistic_over_all_units():
    rng = np.random.default_rng(0)
    odds = 0.8
    units = (rng.random((20_000, 1)) < expit(odds)) + 0.0
    noise = root(0, odds).abduct(units, rng)
    for quantile in (0.1, 0.5, 0.9):
        at = np.log(quantile / (1 - quantile))
        assert (noise < at).mean() == pytest.approx(quantile, abs=0.015)


@given(ODDS, ODDS)
def test_a_counterfactual_is_the_mean_over_all_noise(without: float, effect: float):
    """Closed form for uniform noise u < p: Pearl 2009, section 9.2."""
    model = pair(without, effect)
    before, after = expit(without), expit(without + effect)
    units = np.array([[0.0, 0.0], [0.0, 1.0]])
    (done,) = model.counterfactual(units, *do(0, 1.0, 2))
    assert done[0, 1] == pytest.approx(max(after - before, 0) / (1 - before), abs=1e-9)
    assert done[1, 1] == pytest.approx(min(after, before) / before, abs=1e-9)


def test_it_is_what_draws_come_to():
    model, n = chain(), 40_000
    for unit in KINDS:
        units = np.repeat(unit[None], n, axis=0)
        noise = model.abduct(units, np.random.default_rng(1))
        drawn = model.predict(noise, {0: 1 - unit[0], 2: unit[2]})[:, 1].mean()
        targets, settings = np.array([[0, 2]]), np.array([[[1 - unit[0], unit[2]]]])
        (expected,) = model.counterfactual(unit[None], targets, settings)
        assert expected[0, 1] == pytest.approx(drawn, abs=0.01)


def test_the_median_turns_a_unit_where_most_draws_do():
    for effect in np.linspace(-4, 4, 23):
        model = pair(-0.3, effect)
        median = model.predict(model.abduct(FOUR), {0: 1 - FOUR[:, 0]})
        (mean,) = model.counterfactual(FOUR, np.array([[0]]), (1 - FOUR[:, :1])[None])
        (likeliest,) = model.counterfactual(
            FOUR, np.array([[0]]), (1 - FOUR[:, :1])[None], following="likeliest"
        )
        np.testing.assert_array_equal(median[:, 1], mean[:, 1] > 0.5)
        np.testing.assert_array_equal(likeliest[:, 1], median[:, 1])
        assert set(likeliest.ravel()) <= {0.0, 1.0}


@given(ODDS, st.floats(0, 12), st.floats(-0.3, 1.3))
def test_causes_that_make_it_likelier_take_it_from_nobody(without, effect, reading):
    model = pair(without, effect)
    units = np.array([[0.0, reading]])
    (done,) = model.counterfactual(units, *do(0, 1.0, 1))
    assert done[0, 1] >= min(reading, 1.0) - 1e-9 if reading <= 1 else done[0, 1] <= reading + 1e-9


def test_means_over_units_are_the_difference_of_probabilities():
    rng = np.random.default_rng(3)
    model = pair(-0.4, 1.7)
    units = np.zeros((50_000, 2))
    units[:, 1] = rng.random(len(units)) < expit(-0.4)
    (done,) = model.counterfactual(units, *do(0, 1.0, len(units)))
    assert done[:, 1].mean() == pytest.approx(expit(1.3), abs=0.005)


@pytest.mark.parametrize("following", ["expected", "likeliest"])
def test_readings_between_stay_to_the_bit_where_no_cause_changes(following):
    units = np.random.default_rng(0).normal(0.5, 0.5, size=(30, 3))
    own = units[None, :, :2]
    model = chain()
    same = model.counterfactual(units, np.array([[0, 1]]), own, following=following)
    np.testing.assert_array_equal(same[0], units)
    moved = model.counterfactual(units, *do(2, 1.0, 30), following=following)
    np.testing.assert_array_equal(moved[0, :, :2], units[:, :2])


def test_a_reading_counts_as_so_much_of_either():
    model = pair(-0.5, 1.2)
    units = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 0.3]])
    (done,) = model.counterfactual(units, *do(0, 1.0, 3))
    assert done[2, 1] == pytest.approx(0.7 * done[0, 1] + 0.3 * done[1, 1])


def test_the_noise_of_a_reading_between_can_not_be_abducted():
    with pytest.raises(DataError, match="column 1 must be 0 or 1"):
        pair(0.0, 1.0).abduct([[0.0, 0.4]])


def mixed(n: int = 4000, seed: int = 0) -> np.ndarray:
    """Return a group that moves a length, by which both load a coin."""
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.5) + 0.0
    length = 2 * group + rng.normal(2, 1, n)
    coin = (rng.random(n) < expit(-3 + 1.5 * length - 1.5 * group)) + 0.0
    return np.column_stack([coin, group, length])


def test_a_mixed_model_is_found_and_asked():
    values = mixed()
    model = StructuralModel.fit(values, ("coin", "group", "length"))
    assert model.boolean == {0, 1}
    assert {(2, 0), (1, 2), (1, 0)} == model.edges
    np.testing.assert_array_equal(model.predict(model.abduct(values))[:, :2], values[:, :2])
    (done,) = model.counterfactual(values, *do(1, 1.0, len(values)))
    moved = values[:, 1] == 0
    np.testing.assert_array_equal(done[~moved], values[~moved])
    assert (done[moved, 2] - values[moved, 2]).mean() == pytest.approx(2, abs=0.1)
    rng = np.random.default_rng(9)
    length = 2 + rng.normal(2, 1, 100_000)
    truth = expit(-3 + 1.5 * length - 1.5).mean()
    assert done[:, 0].mean() == pytest.approx(truth, abs=0.03)


def test_json_keeps_every_bit():
    model = StructuralModel.fit(mixed(500), ("coin", "group", "length"))
    again = StructuralModel.from_json(json.loads(json.dumps(model.to_json())))
    assert again == model
    units = mixed(20, seed=1)
    asked = do(1, 0.0, 20)
    np.testing.assert_array_equal(
        again.counterfactual(units, *asked), model.counterfactual(units, *asked)
    )
