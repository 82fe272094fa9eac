from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from causalxai_glance.scm.basis import Basis
from causalxai_glance.scm.links import Link
from causalxai_glance.scm.noise import Noise
from causalxai_glance.scm.structural_equation import StructuralEquation

GRID = np.linspace(-3, 3, 200)


def column(n: int = 500) -> np.ndarray:
    return np.random.default_rng(0).normal(size=n)


@pytest.mark.parametrize("knots", [3, 6, 10, 15])
def test_splines_are_scipys_natural_splines(knots):
    """Any natural spline over the knots is a weighted sum of the functions and a constant."""
    basis = Basis.spline(column(), knots)
    ordinates = np.random.default_rng(1).normal(size=knots)
    natural = CubicSpline(basis.knots, ordinates, bc_type="natural")
    inside = np.linspace(basis.knots[0], basis.knots[-1], 100)
    functions = np.c_[np.ones(100), basis.columns(inside)]
    assert functions.shape == (100, knots) and basis.size == knots - 1
    weights, *_ = np.linalg.lstsq(functions, natural(inside), rcond=None)
    np.testing.assert_allclose(functions @ weights, natural(inside), atol=1e-8)


@pytest.mark.parametrize("knots", [0, 3, 6, 15])
def test_beyond_the_data_a_line_goes_on(knots):
    basis = Basis.spline(column(), knots)
    for beyond in (np.linspace(5, 50, 10), np.linspace(-50, -5, 10)):
        bends = np.diff(basis.columns(beyond), n=2, axis=0)
        np.testing.assert_allclose(bends, 0, atol=1e-8 * np.abs(basis.columns(beyond)).max())


@pytest.mark.parametrize("knots", [0, 3, 6, 15])
def test_rescaled_bases_see_the_same(knots):
    basis = Basis.spline(column(), knots)
    moved = basis.rescaled(10.0, 4.0)
    np.testing.assert_allclose(moved.columns(10 + 4 * GRID), basis.columns(GRID), atol=1e-10)


def test_few_different_values_bear_no_spline():
    assert Basis.spline(np.repeat([0.0, 1.0], 50), 3) is None
    assert Basis.spline(np.repeat([0.0, 1.0, 2.0], 50), 6) is None
    assert Basis.spline(np.repeat([0.0, 1.0, 2.0], 50), 3) is not None


@pytest.fixture
def equation() -> StructuralEquation:
    link = Link("logit", 0.0, 10.0, guard=0.01)
    line, bent = Basis(1.0, 2.0), Basis.spline(column(), 3)
    noise = Noise((0.5, 0.5), (-1.0, 1.0), (0.3, 0.4))
    return StructuralEquation(
        2, (0, 1), link, 0.3, (line, bent), ((0.8,), (0.5, -0.2)), noise, 12.0
    )


def test_an_equation_is_the_sum_of_its_terms(equation):
    x = np.random.default_rng(2).normal(size=(50, 2))
    inner = 0.3 + 0.8 * (x[:, 0] - 1) / 2
    inner += equation.bases[1].columns(x[:, 1]) @ np.array([0.5, -0.2])
    np.testing.assert_allclose(equation.linear(x), inner)
    np.testing.assert_allclose(equation.predict_mean(x), 10 / (1 + np.exp(-inner)))
    noise = np.linspace(-1, 1, 50)
    np.testing.assert_allclose(equation.predict(x, noise), 10 / (1 + np.exp(-inner - noise)))
    assert equation.parameters == 2 + 5 + 3


def test_prediction_undoes_abduction(equation):
    rng = np.random.default_rng(3)
    values = np.c_[rng.normal(size=(50, 2)), rng.uniform(0.1, 9.9, size=50), rng.normal(size=50)]
    noise = equation.abduct(values)
    np.testing.assert_allclose(equation.predict(values[:, :2], noise), values[:, 2], rtol=1e-12)


def test_leading_axes_are_free(equation):
    x = np.random.default_rng(4).normal(size=(3, 5, 2))
    np.testing.assert_allclose(equation.predict_mean(x)[1, 2], equation.predict_mean(x[1, 2]))


def test_equations_survive_json(equation):
    assert StructuralEquation.from_json(json.loads(json.dumps(equation.to_json()))) == equation
