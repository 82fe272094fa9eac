"""Directions are those of scikit-learn's ridge regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from causalxai.seeding import torch_generator
from causalxai_activations.direction import dual_weights, permuted_targets, unit_directions


@pytest.mark.parametrize("width", [5, 60])
def test_directions_are_those_of_ridge_regressions(width: int):
    rng = torch_generator(0)
    activations = torch.randn(30, width, generator=rng) + 3
    targets = torch.randint(2, (30, 4), generator=rng)
    weights = dual_weights(activations, targets, ridge=0.3)
    found = unit_directions(activations, weights)
    centred = (activations - activations.mean(dim=0)).double()
    penalty = 0.3 * float(centred.square().sum(dim=1).mean())
    expected = Ridge(alpha=penalty).fit(activations.double().numpy(), targets.numpy()).coef_
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)
    torch.testing.assert_close(weights.sum(dim=0), torch.zeros(4).double(), atol=1e-9, rtol=0)


def test_permuted_targets_are_the_same_in_another_order():
    target = torch.arange(20)
    orders = permuted_targets(target, 50, torch_generator(0))
    assert orders.shape == (20, 50)
    assert (orders.sort(dim=0).values == target[:, None]).all()
    assert len(orders.T.unique(dim=0)) == 50
