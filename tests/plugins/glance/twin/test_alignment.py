from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from causalxai.errors import DataError
from causalxai_glance.twin.alignment import (
    SpectralAlignment,
    alpha_at,
    decorrelation,
    principal_scores,
)


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def with_singular_values(*values, rows=6, seed=0):
    """Return a double matrix ``[rows, len(values)]`` with these singular values."""
    columns = len(values)
    u = torch.linalg.qr(normal(rows, columns, seed=seed, dtype=torch.float64))[0]
    v = torch.linalg.qr(normal(columns, columns, seed=seed + 1, dtype=torch.float64))[0]
    return u * torch.tensor(values, dtype=torch.float64) @ v.T


def attached_term(matrix, lambda_max=1.0):
    """Equation 1's second term as a naive reading has it: the gradient runs through the SVD."""
    u, sigma, _ = torch.linalg.svd(matrix, full_matrices=False)
    return F.mse_loss(matrix, lambda_max * u * sigma / sigma.square().sum().sqrt())


def detached_term(matrix, lambda_max=1.0):
    loss = SpectralAlignment(len(matrix), matrix.shape[1], lambda_max=lambda_max)
    return loss(matrix, matrix[:, :0], 1.0)


def gradient(term, matrix):
    matrix = matrix.clone().requires_grad_()
    return torch.autograd.grad(term(matrix), matrix)[0]


class TestTraps:
    def test_through_the_svd_the_gradient_explodes_at_equal_singular_values(self):
        equal = torch.eye(6, 3, dtype=torch.float64)
        assert not gradient(attached_term, equal).isfinite().all()
        close = with_singular_values(1.0, 1.0 + 1e-6, 0.3)
        assert gradient(attached_term, close).norm() > 1e3
        apart = with_singular_values(2.0, 1.0, 0.3)
        assert gradient(attached_term, apart).norm() < 10

    @pytest.mark.parametrize(
        "matrix",
        [
            torch.eye(6, 3),
            with_singular_values(1.0, 1.0 + 1e-6, 0.3).float(),
            with_singular_values(1.0, 0.0, 0.0).float(),
            torch.zeros(6, 3),
            torch.full((6, 3), 1e-30),
            torch.full((6, 3), 1e10),
            normal(3, 8),
            normal(1, 4),
        ],
        ids=["equal", "close", "rank 1", "zero", "tiny", "huge", "wide", "one row"],
    )
    def test_value_and_gradient_are_finite(self, matrix):
        loss = SpectralAlignment(*matrix.shape)
        for _ in range(3):
            latents = matrix.clone().requires_grad_()
            value = loss(latents, matrix[:, :0], 1.0)
            (slope,) = torch.autograd.grad(value, latents)
            assert value.isfinite()
            assert slope.isfinite().all()
        assert loss.mean.isfinite().all()

    @pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
    def test_what_is_not_finite_gives_no_number_and_is_forgotten(self, wrong):
        loss = SpectralAlignment(6, 3)
        loss.target(normal(6, 3))
        mean, seen = loss.mean.clone(), loss.seen.clone()
        latents = normal(6, 3)
        latents[2, 1] = wrong
        assert loss(latents, latents[:, :0], 1.0).isnan()
        assert torch.equal(loss.mean, mean) and torch.equal(loss.seen, seen)

    def test_a_vanishing_batch_after_others_keeps_the_target_bounded(self):
        loss = SpectralAlignment(6, 3, lambda_max=2.0)
        loss.target(normal(6, 3))
        assert loss.target(torch.zeros(6, 3)).norm() <= 2.0 + 1e-5

    def test_the_target_is_a_constant_for_the_gradient(self):
        matrix = with_singular_values(2.0, 1.0, 0.5)
        loss = SpectralAlignment(6, 3).eval()
        loss.mean.copy_(normal(6, 3, seed=3))
        expected = 2 * (matrix - loss.target(matrix)) / matrix.numel()
        torch.testing.assert_close(gradient(lambda m: loss(m, m[:, :0], 1.0), matrix), expected)

    def test_fewer_rows_than_latents_have_singular_values_of_zero(self):
        matrix = normal(3, 8, dtype=torch.float64)
        scores, size = principal_scores(matrix)
        assert scores.shape == (3, 8)
        assert not scores[:, 3:].any()
        torch.testing.assert_close(size, matrix.norm())

    def test_smaller_batches_use_the_first_rows_and_larger_ones_are_refused(self):
        loss = SpectralAlignment(6, 2)
        loss.target(normal(6, 2))
        before = loss.mean.clone()
        loss.target(normal(4, 2, seed=1))
        assert torch.equal(loss.mean[4:], before[4:])
        assert not torch.allclose(loss.mean[:4], before[:4])
        with pytest.raises(DataError, match="batch=7"):
            loss.target(normal(7, 2))


class TestEquationOne:
    def test_scores_are_u_sigma(self):
        matrix = normal(7, 3, dtype=torch.float64)
        scores, size = principal_scores(matrix)
        u, sigma, _ = np.linalg.svd(matrix.numpy(), full_matrices=False)
        expected = torch.from_numpy(u * sigma)
        torch.testing.assert_close(scores.abs(), expected.abs())
        torch.testing.assert_close(scores @ scores.T, matrix @ matrix.T)
        torch.testing.assert_close(size, torch.tensor(np.linalg.norm(sigma)))

    def test_scores_turn_with_the_sign_of_the_matrix(self):
        matrix = normal(7, 3, dtype=torch.float64)
        torch.testing.assert_close(principal_scores(-matrix)[0], -principal_scores(matrix)[0])

    def test_a_first_step_by_hand(self):
        latents, concepts = normal(7, 5, dtype=torch.float64), normal(7, 2, dtype=torch.float64)
        loss = SpectralAlignment(7, 3, lambda_max=0.7).double()
        unnamed = latents[:, 2:]
        scores, size = principal_scores(unnamed)
        named_part = (latents[:, :2] - concepts).square().mean()
        unnamed_part = (unnamed - 0.7 * scores / size).square().mean()
        torch.testing.assert_close(loss(latents, concepts, 0.25), named_part + 0.25 * unnamed_part)

    def test_the_running_mean_is_plain_first_and_exponential_then(self):
        loss = SpectralAlignment(4, 2, momentum=0.75).double()
        batches = [normal(4, 2, seed=seed, dtype=torch.float64) for seed in range(6)]
        scores = [principal_scores(batch)[0] for batch in batches]
        for batch in batches[:3]:
            loss.target(batch)
        torch.testing.assert_close(loss.mean, torch.stack(scores[:3]).mean(dim=0))
        expected = loss.mean.clone()
        for batch, score in zip(batches[3:], scores[3:], strict=True):
            loss.target(batch)
            expected = 0.75 * expected + 0.25 * score
        torch.testing.assert_close(loss.mean, expected)

    def test_evaluation_leaves_the_running_mean_alone(self):
        loss = SpectralAlignment(4, 2).eval()
        loss(normal(4, 2), normal(4, 0), 1.0)
        assert not loss.mean.any()

    def test_without_unnamed_latents_only_the_concepts_count(self):
        loss = SpectralAlignment(4, 0)
        latents, concepts = normal(4, 2), normal(4, 2, seed=1)
        torch.testing.assert_close(loss(latents, concepts, 1.0), F.mse_loss(latents, concepts))

    def test_half_precision_is_raised(self):
        loss = SpectralAlignment(8, 3)
        value = loss(normal(8, 4).bfloat16(), normal(8, 1), 1.0)
        assert value.dtype == torch.float32

    @given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(0.1, 3), st.integers(1, 5))
    @settings(max_examples=30, deadline=None)
    def test_the_term_is_decay_within_lambda_max(self, seed, scale, lambda_max, steps):
        """| ||M - target|| - ||M|| | <= lambda_max: the target is no longer than that."""
        loss = SpectralAlignment(8, 3, lambda_max=lambda_max).double()
        for step in range(steps):
            matrix = scale * normal(8, 3, seed=seed + step, dtype=torch.float64)
            term = loss(matrix, matrix[:, :0], 1.0) * matrix.numel()
        assert abs(float(term.sqrt() - matrix.norm())) <= lambda_max * (1 + 1e-9)

    def test_over_steps_the_term_comes_to_plain_decay(self):
        """Even with a target that starts as long as M, rows of different samples cancel."""
        loss = SpectralAlignment(32, 8, lambda_max=16.0)
        first = normal(32, 8)
        assert loss.target(first).norm() == pytest.approx(16.0, rel=1e-4)
        for seed in range(1, 300):
            loss.target(normal(32, 8, seed=seed))
        last = normal(32, 8, seed=300).requires_grad_()
        value = loss(last, last[:, :0], 1.0)
        assert float(value.detach()) == pytest.approx(float(last.detach().square().mean()), rel=0.1)
        (slope,) = torch.autograd.grad(value, last)
        assert F.cosine_similarity(slope.flatten(), last.detach().flatten(), dim=0) > 0.98

    def test_it_does_not_tell_copies_from_independent_latents(self):
        """Orthogonality, which equation 1 is meant to impose; our decorrelation does."""
        loss = SpectralAlignment(32, 3)
        for seed in range(100):
            loss.target(normal(32, 3, seed=seed))
        loss.eval()
        column = normal(32, 1, seed=500)
        copies, independent = column.expand(32, 3), normal(32, 3, seed=501)
        independent = independent * copies.norm() / independent.norm()
        none = copies[:, :0]
        assert float(loss(copies, none, 1.0)) == pytest.approx(
            float(loss(independent, none, 1.0)), rel=0.05
        )
        assert decorrelation(copies, 0) > 0.99
        assert decorrelation(independent, 0) < 0.2


class TestAlpha:
    def test_it_climbs_from_0_to_1(self):
        values = [alpha_at(step, 110) for step in range(110)]
        assert values == sorted(values)
        assert (values[0], values[-1]) == (0.0, 1.0)
        assert values[:10] == [0.0] * 10
        assert sorted(set(values)) == pytest.approx([k / 10 for k in range(11)])

    @given(st.integers(1, 5000), st.integers(1, 20))
    def test_it_stays_within_0_and_1(self, total, stairs):
        assert alpha_at(0, total, stairs=stairs) == 0.0
        assert 0 <= alpha_at(total - 1, total, stairs=stairs) <= 1
        assert alpha_at(total, total, stairs=stairs) == 1.0


class TestDecorrelation:
    def test_against_numpy(self):
        latents = normal(40, 5, dtype=torch.float64)
        latents[:, 3] += 2 * latents[:, 0]
        squares = np.corrcoef(latents.numpy(), rowvar=False) ** 2
        pairs = [(i, j) for i in range(5) for j in range(i) if not (i < 2 and j < 2)]
        expected = np.mean([squares[i, j] for i, j in pairs])
        assert float(decorrelation(latents, 2)) == pytest.approx(expected, rel=1e-6)

    def test_named_latents_may_be_related(self):
        latents = normal(40, 3, dtype=torch.float64)
        latents[:, 2] = torch.arange(40) % 2
        before = decorrelation(latents, 2)
        related = latents.clone()
        related[:, 1] = related[:, 0]
        slope = gradient(lambda m: decorrelation(m, 2), related)
        assert decorrelation(related[:, :2], 2) == 0
        assert decorrelation(related, 0) > decorrelation(related, 2) + 0.2
        assert before < 0.1
        assert slope.isfinite().all()

    @pytest.mark.parametrize(
        "latents",
        [
            torch.zeros(8, 4),
            torch.full((8, 4), 3.7),
            torch.cat([torch.ones(8, 2), normal(8, 2)], dim=1),
            normal(1, 4),
            normal(3, 40),
        ],
        ids=["zero", "constant", "some constant", "one row", "wide"],
    )
    def test_value_and_gradient_are_finite(self, latents):
        value = decorrelation(latents, 1)
        assert 0 <= float(value) <= 1 + 1e-6
        assert gradient(lambda m: decorrelation(m, 1), latents).isfinite().all()

    def test_constant_columns_are_correlated_with_nothing(self):
        latents = normal(8, 2)
        latents[:, 1] = 5.0
        assert float(decorrelation(latents, 0)) == pytest.approx(0, abs=1e-6)

    @given(st.integers(0, 1000), st.floats(0.1, 50), st.floats(-5, 5))
    @settings(max_examples=25, deadline=None)
    def test_units_do_not_matter(self, seed, scale, shift):
        latents = normal(20, 4, seed=seed, dtype=torch.float64)
        factors = torch.tensor([scale, 1.0, -1.0, 1.0], dtype=torch.float64)
        torch.testing.assert_close(
            decorrelation(latents * factors + shift, 1),
            decorrelation(latents, 1),
            rtol=1e-4,
            atol=1e-9,
        )

    def test_independent_latents_come_to_one_over_n_less_one(self):
        values = [float(decorrelation(normal(32, 10, seed=seed), 0)) for seed in range(50)]
        assert np.mean(values) == pytest.approx(1 / 31, rel=0.1)

    def test_descent_decorrelates(self):
        latents = normal(64, 4)
        latents[:, 1:] = 0.3 * latents[:, 1:] + latents[:, :1]
        before = float(decorrelation(latents, 0))
        latents.requires_grad_()
        optimiser = torch.optim.Adam([latents], lr=0.05)
        for _ in range(100):
            optimiser.zero_grad()
            decorrelation(latents, 0).backward()
            optimiser.step()
        assert before > 0.5
        assert float(decorrelation(latents.detach(), 0)) < 0.01

    def test_autocast_does_not_lower_its_precision(self):
        latents = normal(64, 6)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = decorrelation(latents, 1)
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, decorrelation(latents, 1))
