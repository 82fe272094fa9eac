"""Total variances against closed forms and SciPy."""

from __future__ import annotations

import torch
from scipy import stats

from causalxai.seeding import torch_generator
from causalxai_activations.sobol import total_variances


def test_a_linear_value_has_the_variance_of_its_factors():
    weights = torch.tensor([[1.0, -2.0, 0.0], [0.5, 3.0, 1.0]])
    total, variance = total_variances(
        lambda shares: shares @ weights.T, 3, designs=1024, rng=torch_generator(0)
    )
    expected = weights.double().square() / 12
    torch.testing.assert_close(total, expected, rtol=0.02, atol=1e-12)
    torch.testing.assert_close(variance, expected.sum(dim=1), rtol=0.02, atol=0)


def test_a_product_counts_for_both_of_its_factors():
    # E[Var(xy | y)] = E[y^2] / 12, and Var(xy) = 1/9 - 1/16.
    total, variance = total_variances(
        lambda shares: shares.prod(dim=1, keepdim=True), 2, designs=2048, rng=torch_generator(0)
    )
    torch.testing.assert_close(total, torch.full((1, 2), 1 / 36).double(), rtol=0.02, atol=0)
    torch.testing.assert_close(variance, torch.tensor([7 / 144]).double(), rtol=0.02, atol=0)


def test_total_indices_are_those_of_scipy():
    def value(shares: torch.Tensor) -> torch.Tensor:
        x, y, z = shares.unbind(dim=1)
        return torch.stack([(3 * x).sin() + x * y**2, y * z + z**3], dim=1)

    total, variance = total_variances(value, 3, designs=4096, rng=torch_generator(0))
    expected = stats.sobol_indices(
        func=lambda x: value(torch.from_numpy(x.T)).T.numpy(),
        n=4096, dists=[stats.uniform()] * 3, rng=1,
    )  # fmt: skip
    torch.testing.assert_close(
        total / variance[:, None], torch.from_numpy(expected.total_order), rtol=0, atol=0.02
    )
