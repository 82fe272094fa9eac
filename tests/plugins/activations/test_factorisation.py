"""Factors that are there are found, and coefficients are those of SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from causalxai.errors import DataError
from causalxai.seeding import torch_generator
from causalxai_activations import factorisation
from causalxai_activations.factorisation import coefficients, factorise, most_factors


def some(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch_generator(seed), dtype=torch.float64)


def test_an_exact_product_of_factors_is_factorised(planted_factors):
    # With rows that have one factor alone, there is one factorisation, up to scale and order.
    alone = torch.eye(3, dtype=torch.float64).repeat(20, 1) * some(60, 1)
    mixed = some(60, 3, seed=1)
    product = torch.cat([alone, mixed]) @ planted_factors.double()
    found = factorise(product.numpy(), 3, torch_generator(0), steps=20_000)
    cosines = found.factors @ planted_factors.double().numpy().T
    assert found.converged
    assert sorted(cosines.argmax(axis=1)) == [0, 1, 2]
    assert cosines.max(axis=1) == pytest.approx(np.ones(3), abs=2e-3)
    assert np.linalg.norm(found.factors, axis=1) == pytest.approx(np.ones(3))


def test_the_largest_factor_comes_first():
    activations = np.diag([1.0, 5.0, 3.0]).repeat(10, axis=0)
    found = factorise(activations, 3, torch_generator(0), steps=2000)
    assert found.factors.argmax(axis=1).tolist() == [1, 2, 0]


def test_what_cannot_be_factorised_is_told():
    with pytest.raises(DataError, match="5 factors cannot be found in 4 crops with 9 channels"):
        factorise(np.ones((4, 9)), 5, torch_generator(0), steps=10)
    with pytest.raises(DataError, match="all activations of the layer are 0"):
        factorise(np.zeros((9, 9)), 2, torch_generator(0), steps=10)


def test_no_more_factors_than_active_channels_or_rows():
    activations = np.ones((9, 6))
    activations[:, [1, 4]] = 0
    activations[2:, 3] = 0
    assert most_factors(activations) == 4
    assert most_factors(activations[:3]) == 3
    assert most_factors(np.zeros((9, 6))) == 0


def test_too_few_steps_are_told():
    assert not factorise(some(60, 20).numpy(), 6, torch_generator(0), steps=2).converged


@pytest.mark.parametrize("exchanges", [factorisation._EXCHANGES, 0])
@pytest.mark.parametrize(("k", "c"), [(1, 4), (6, 6), (10, 32)])
def test_coefficients_are_the_least_squares_ones(
    k: int, c: int, exchanges: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(factorisation, "_EXCHANGES", exchanges)
    factors, activations = some(k, c), some(100, c, seed=1)
    found = coefficients(activations, factors)
    expected = [nnls(factors.numpy().T, row)[0] for row in activations.numpy()]
    np.testing.assert_allclose(found.numpy(), np.stack(expected), atol=1e-8)
    assert float((found == 0).double().mean()) > 0.05 or k == 1


def test_silent_and_equal_factors_do_no_harm():
    factors, activations = some(6, 20), some(50, 20, seed=1)
    factors[2] = 0.0
    factors[5] = factors[1]
    found = coefficients(activations, factors)
    expected = np.stack([nnls(factors.numpy().T, row)[0] for row in activations.numpy()])
    made, best = found @ factors, torch.from_numpy(expected) @ factors
    torch.testing.assert_close(made, best, atol=1e-7, rtol=0)
    assert float(found.min()) >= 0


def test_rows_do_not_depend_on_one_another():
    factors, activations = some(8, 16), some(3, 5, 16, seed=1)
    found = coefficients(activations, factors)
    assert found.shape == (3, 5, 8)
    torch.testing.assert_close(found[1, 2], coefficients(activations[1, 2], factors))
