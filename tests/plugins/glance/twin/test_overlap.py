"""Weights under which concepts are independent, and how many images they leave."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from causalxai_glance.twin.overlap import effective_share, independence_weights


def normal(n: int, correlation: float, seed: int = 0) -> Tensor:
    x, y = torch.randn(2, n, generator=torch.Generator().manual_seed(seed))
    return torch.stack([x, correlation * x + math.sqrt(1 - correlation**2) * y], dim=1)


def weighted_correlation(concepts: Tensor, weights: Tensor) -> float:
    share = weights / weights.sum()
    centred = concepts - share @ concepts
    covariance = (share[:, None] * centred).T @ centred
    return float(covariance[0, 1] / covariance.diagonal().prod().sqrt())


def weights_of(concepts: Tensor, seed: int = 0) -> Tensor:
    return independence_weights(concepts, torch.Generator().manual_seed(seed))


def test_weights_are_the_ratio_of_the_densities():
    """Two normal concepts, whose ratio of densities is known in closed form."""
    concepts, rho = normal(6000, 0.5), 0.5
    x, y = concepts.double().T
    joint = (x**2 - 2 * rho * x * y + y**2) / (2 * (1 - rho**2))
    exact = math.sqrt(1 - rho**2) * (joint - (x**2 + y**2) / 2).exp()
    found = weights_of(concepts).double()
    assert float(found.mean()) == pytest.approx(1, rel=1e-5)
    assert torch.corrcoef(torch.stack([found.log(), exact.log()]))[0, 1] > 0.9
    assert abs(weighted_correlation(concepts, found.float())) < 0.1


def test_weights_of_independent_concepts_are_nearly_equal():
    assert effective_share(weights_of(normal(4000, 0.0))) > 0.9


def test_little_is_left_of_concepts_that_vary_together():
    concepts = normal(4000, 0.995)
    assert effective_share(weights_of(concepts)) < 0.1


def test_boolean_concepts_get_the_ratio_of_their_frequencies():
    rows = torch.tensor(
        [[0.0, 0.0]] * 450 + [[1.0, 1.0]] * 450 + [[0.0, 1.0]] * 50 + [[1.0, 0.0]] * 50
    )
    weights = weights_of(rows)
    # Each combination has a quarter of the independent images.
    for at, share in ((0, 0.45), (450, 0.45), (900, 0.05), (950, 0.05)):
        assert float(weights[at]) == pytest.approx(0.25 / share, rel=0.25)


def test_a_single_concept_needs_no_weights():
    assert torch.equal(weights_of(torch.randn(30, 1)), torch.ones(30))


def test_the_same_generator_gives_the_same_weights():
    concepts = normal(300, 0.5)
    assert torch.equal(weights_of(concepts), weights_of(concepts))
    assert not torch.equal(weights_of(concepts), weights_of(concepts, seed=1))


def test_the_effective_share_counts_equal_weights_whole():
    assert effective_share(torch.ones(7)) == pytest.approx(1)
    assert effective_share(torch.tensor([1.0, 0, 0, 0])) == pytest.approx(0.25)
