"""Bits are exact draws, their gradients those of relaxed ones; the divergence is a closed form."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Bernoulli, kl_divergence

from causalxai_dvae.binary_concrete import bernoulli_kl, sample_binary_concrete

LOGITS = torch.tensor([-1.0, 0.3, 2.0], dtype=torch.float64)
MANY = 400_000


def draw(logits: Tensor, temperature: float, *, hard: bool, n: int = MANY, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return sample_binary_concrete(logits.expand(n, -1), temperature, rng, hard=hard)


def score(bits: Tensor) -> Tensor:
    """Some function that is neither linear nor a sum over bits."""
    weights = torch.tensor([1.0, -2.0, 1.5], dtype=bits.dtype)
    return (bits @ weights - 0.4).square() + bits[..., 0] * bits[..., 2]


@pytest.mark.parametrize("temperature", [0.1, 1.0, 3.0])
def test_bits_come_with_their_own_probability(temperature: float):
    bits = draw(LOGITS, temperature, hard=True)
    assert set(bits.unique().tolist()) == {0.0, 1.0}
    p = torch.sigmoid(LOGITS)
    error = (p * (1 - p) / MANY).sqrt()
    assert ((bits.mean(dim=0) - p).abs() < 5 * error).all()


def test_hard_bits_round_the_relaxed_ones():
    relaxed, bits = draw(LOGITS, 0.7, hard=False), draw(LOGITS, 0.7, hard=True)
    assert torch.equal(bits, relaxed.round())
    assert ((relaxed > 0) & (relaxed < 1)).all()


def test_straight_through_has_the_gradient_of_the_relaxed_bits():
    slopes = torch.randn(50, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradients = []
    for hard in (False, True):
        logits = LOGITS.clone().requires_grad_()
        (draw(logits, 0.7, hard=hard, n=50) * slopes).sum().backward()
        gradients.append(logits.grad)
    assert torch.equal(*gradients)
    assert gradients[0].abs().min() > 0


def test_the_relaxed_gradient_is_that_of_the_relaxed_expectation():
    logits = LOGITS.clone().requires_grad_()
    score(draw(logits, 0.5, hard=False)).mean().backward()
    for bit in range(3):
        step = torch.zeros_like(LOGITS)
        step[bit] = 1e-4
        up, down = (score(draw(LOGITS + sign * step, 0.5, hard=False)).mean() for sign in (1, -1))
        assert logits.grad[bit] == pytest.approx(float((up - down) / 2e-4), rel=1e-5, abs=1e-7)


def test_at_a_low_temperature_it_nears_that_of_the_expectation_over_bits():
    logits = LOGITS.clone().requires_grad_()
    codes = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)), dtype=torch.float64)
    probability = Bernoulli(logits=logits).log_prob(codes).sum(dim=1).exp()
    (exact,) = torch.autograd.grad((probability * score(codes)).sum(), logits)
    errors = []
    for temperature in (1.0, 0.03):
        relaxed = LOGITS.clone().requires_grad_()
        score(draw(relaxed, temperature, hard=False)).mean().backward()
        errors.append(float((relaxed.grad - exact).norm() / exact.norm()))
    assert errors[1] < 0.05 < errors[0]


def test_chance_comes_from_the_generator_alone():
    one = draw(LOGITS, 1.0, hard=False, n=4)
    torch.manual_seed(5)
    assert torch.equal(one, draw(LOGITS, 1.0, hard=False, n=4))
    assert not torch.equal(one, draw(LOGITS, 1.0, hard=False, n=4, seed=1))


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=8))
def test_the_divergence_is_that_of_the_distributions(values: list[float]):
    logits = torch.tensor(values, dtype=torch.float64)
    found = bernoulli_kl(logits)
    expected = kl_divergence(
        Bernoulli(logits=logits), Bernoulli(probs=torch.full_like(logits, 0.5))
    )
    assert torch.allclose(found, expected, atol=1e-9)
    assert torch.allclose(found, bernoulli_kl(-logits))
    assert (found >= -1e-12).all() and (found <= math.log(2) + 1e-12).all()


def test_certain_bits_cost_log_2_and_fair_ones_nothing():
    logits = torch.tensor([-1e4, 0.0, 1e4], requires_grad=True)
    divergence = bernoulli_kl(logits)
    assert torch.allclose(divergence, torch.tensor([math.log(2), 0.0, math.log(2)]))
    divergence.sum().backward()
    assert torch.equal(logits.grad, torch.zeros(3))
