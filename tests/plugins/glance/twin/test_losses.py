from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from causalxai_glance.twin.losses import (
    PathLength,
    consistency,
    discriminator_loss,
    generator_loss,
    path_lengths,
    r1_penalty,
    reconstruction,
)


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class TestAdversarial:
    def test_against_cross_entropy(self):
        real, fake = normal(6), normal(5, seed=1)
        bce = nn.functional.binary_cross_entropy_with_logits
        torch.testing.assert_close(generator_loss(fake), bce(fake, torch.ones(5)))
        expected = bce(real, torch.ones(6)) + bce(fake, torch.zeros(5))
        torch.testing.assert_close(discriminator_loss(real, fake), expected)

    def test_a_blind_discriminator_has_two_log_two(self):
        zeros = torch.zeros(3)
        assert float(discriminator_loss(zeros, zeros)) == pytest.approx(2 * math.log(2))

    def test_the_generator_still_learns_where_it_loses(self):
        logits = torch.tensor([-80.0], requires_grad=True)
        generator_loss(logits).backward()
        assert float(logits.grad) == pytest.approx(-1)

    @pytest.mark.parametrize("size", [1e4, 1e30])
    def test_finite_for_huge_logits(self, size):
        logits = torch.tensor([-size, size])
        assert generator_loss(logits).isfinite()
        assert discriminator_loss(logits, logits).isfinite()


class TestR1:
    def test_a_linear_discriminator_has_the_norm_of_its_weights(self):
        weight = normal(12, dtype=torch.float64).requires_grad_()
        images = normal(5, 3, 2, 2, dtype=torch.float64).requires_grad_()
        penalty = r1_penalty(images.flatten(1) @ weight, images)
        torch.testing.assert_close(penalty, weight.square().sum())
        (slope,) = torch.autograd.grad(penalty, weight)
        torch.testing.assert_close(slope, 2 * weight)

    def test_a_quadratic_discriminator(self):
        """D(x) = x' A x / 2 with A symmetric: gradient A x, penalty mean ||A x||^2."""
        a = normal(6, 6, dtype=torch.float64)
        a = ((a + a.T) / 2).requires_grad_()
        images = normal(5, 1, 2, 3, seed=1, dtype=torch.float64).requires_grad_()
        flat = images.flatten(1)
        penalty = r1_penalty(0.5 * torch.einsum("ni,ij,nj->n", flat, a, flat), images)
        with torch.no_grad():
            expected = (flat @ a).square().sum(dim=1).mean()
        torch.testing.assert_close(penalty, expected)

    def test_flat_discriminators_pay_nothing(self):
        images = normal(2, 1, 4, 4).requires_grad_()
        penalty = r1_penalty((0 * images).sum(dim=(1, 2, 3)), images)
        assert float(penalty) == 0


class LinearPainter(nn.Module):
    def __init__(self, latents=4, side=3, dtype=torch.float64):
        super().__init__()
        self.side = side
        self.weight = nn.Parameter(normal(latents, side * side, seed=7, dtype=dtype))

    def forward(self, latents):
        return (latents @ self.weight).unflatten(1, (1, self.side, self.side))


class TestPathLength:
    def test_lengths_of_a_linear_painter(self):
        """x = W' l: J' y = W y."""
        painter = LinearPainter()
        latents = normal(5, 4, dtype=torch.float64).requires_grad_()
        images = painter(latents)
        lengths = path_lengths(images, latents, torch.Generator().manual_seed(3))
        y = normal(5, 1, 3, 3, seed=3).double().flatten(1) / 3
        torch.testing.assert_close(lengths, (y @ painter.weight.T).norm(dim=1))

    def test_expected_square_is_the_jacobians_norm_over_the_pixels(self):
        painter = LinearPainter()
        latents = torch.zeros(20000, 4, dtype=torch.float64, requires_grad=True)
        lengths = path_lengths(painter(latents), latents, torch.Generator().manual_seed(0))
        expected = float(painter.weight.detach().square().sum()) / 9
        assert float(lengths.detach().square().mean()) == pytest.approx(expected, rel=0.03)

    def test_the_penalty_and_its_gradient(self):
        painter, penalty = LinearPainter(), PathLength().double()
        latents = normal(5, 4, dtype=torch.float64).requires_grad_()
        value = penalty(painter(latents), latents, torch.Generator().manual_seed(3))
        y = normal(5, 1, 3, 3, seed=3).double().flatten(1) / 3
        weight = painter.weight.detach().clone().requires_grad_()
        lengths = (y @ weight.T).norm(dim=1)
        expected = (lengths - lengths.mean().detach()).square().mean()
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(
            torch.autograd.grad(value, painter.weight)[0],
            torch.autograd.grad(expected, weight)[0],
        )

    def test_the_running_mean_is_plain_first_and_exponential_then(self):
        painter, penalty = LinearPainter(), PathLength(decay=0.25).double()
        latents = normal(5, 4, dtype=torch.float64).requires_grad_()
        means = []
        for seed in range(7):
            generator = torch.Generator().manual_seed(seed)
            means.append(path_lengths(painter(latents), latents, generator).mean().detach())
            penalty(painter(latents), latents, torch.Generator().manual_seed(seed))
            if seed == 3:
                torch.testing.assert_close(penalty.mean, torch.stack(means).mean())
        expected = torch.stack(means[:4]).mean()
        for mean in means[4:]:
            expected = 0.75 * expected + 0.25 * mean
        torch.testing.assert_close(penalty.mean, expected)
        assert set(penalty.state_dict()) == {"mean", "seen"}

    def test_evaluation_leaves_the_running_mean_alone(self):
        painter, penalty = LinearPainter(), PathLength().eval()
        latents = normal(5, 4, dtype=torch.float64).requires_grad_()
        penalty(painter(latents), latents, torch.Generator())
        assert float(penalty.mean) == 0

    def test_finite_in_single_precision_where_nothing_moves(self):
        painter = LinearPainter(dtype=torch.float32)
        with torch.no_grad():
            painter.weight.zero_()
        latents = normal(5, 4).requires_grad_()
        value = PathLength()(painter(latents), latents, torch.Generator().manual_seed(0))
        value.backward()
        assert value.isfinite()
        assert painter.weight.grad.isfinite().all()

    def test_it_draws_from_the_generator_alone(self):
        painter = LinearPainter()
        latents = normal(5, 4, dtype=torch.float64).requires_grad_()
        state = torch.get_rng_state()
        values = [
            path_lengths(painter(latents), latents, torch.Generator().manual_seed(seed))
            for seed in (0, 0, 1)
        ]
        assert torch.equal(values[0], values[1])
        assert not torch.allclose(values[0], values[2])
        assert torch.equal(torch.get_rng_state(), state)


class TestReconstruction:
    def test_by_hand(self):
        images, targets = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.5, 0.5, 0.0])
        assert float(reconstruction(images, targets)) == pytest.approx(1.25 / 3 + 0.1 * 1.5 / 3)

    def test_half_precision_is_raised(self):
        images = torch.rand(4, generator=torch.Generator().manual_seed(0)).half()
        value = reconstruction(images, torch.zeros(4))
        assert value.dtype == torch.float32
        assert float(reconstruction(images, images)) == 0


class TestConsistency:
    def test_against_the_definition(self):
        ours, theirs = normal(6, 4), normal(6, 4, seed=1)
        expected = -(theirs.softmax(1) * ours.log_softmax(1)).sum(dim=1).mean()
        torch.testing.assert_close(consistency(ours, theirs), expected)

    def test_least_where_the_predictions_agree(self):
        logits = normal(6, 4)
        entropy = -(logits.softmax(1) * logits.log_softmax(1)).sum(dim=1).mean()
        torch.testing.assert_close(consistency(logits + 3, logits), entropy)
        reconstructed = logits.clone().requires_grad_()
        consistency(reconstructed, logits).backward()
        torch.testing.assert_close(reconstructed.grad, torch.zeros_like(logits), atol=1e-7, rtol=0)
        assert consistency(normal(6, 4, seed=2), logits) > entropy

    def test_a_certain_classifier_gives_the_usual_cross_entropy(self):
        ours, labels = normal(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
        certain = 100.0 * F.one_hot(labels, 4)
        torch.testing.assert_close(consistency(ours, certain), F.cross_entropy(ours, labels))

    def test_no_gradient_reaches_the_original(self):
        original = normal(6, 4).requires_grad_()
        consistency(normal(6, 4, seed=1).requires_grad_(), original).backward()
        assert original.grad is None
