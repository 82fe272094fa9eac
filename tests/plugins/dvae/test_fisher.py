"""The estimator against closed forms, the printed form, enumeration and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from causalxai_dvae.fisher import class_fisher, functional_fisher, functional_fisher_literal

D = 6


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def network(outputs: int, seed: int = 0, size: float = 1.0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(D, 16), nn.Tanh(), nn.Linear(16, outputs)).double()
    model[-1].weight.data *= size
    return model


def expected(of_logit, mean: Tensor, deviation: Tensor) -> Tensor:
    """Integrate over a Gaussian logit with Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    at = mean[..., None] + deviation[..., None] * torch.from_numpy(nodes)
    return (of_logit(at) * torch.from_numpy(weights / weights.sum())).sum(dim=-1)


def both(a: Tensor) -> Tensor:
    return torch.sigmoid(a) * torch.sigmoid(-a)


def cosine(one: Tensor, other: Tensor) -> Tensor:
    """Without the floor under lengths that torch's has: information can be very small."""
    one, other = one.double(), other.double()
    return (one * other).sum(dim=1) / (one.norm(dim=1) * other.norm(dim=1))


def averaged(estimate, function, points: Tensor, draws: int, *, seed: int = 0, **options) -> Tensor:
    """Average over draws, all in one batch."""
    many = points.repeat(draws, 1)
    found = estimate(function, many, rng=seeded(seed), samples=1, **options)
    return found.view(draws, *points.shape).mean(dim=0)


def test_a_map_that_only_rearranges_has_an_information_without_a_graph():
    found = class_fisher(lambda z: z.flip(1), gaussian(5, D), rng=seeded())
    assert not found.requires_grad
    kept = class_fisher(lambda z: z.flip(1), gaussian(5, D), rng=seeded(), create_graph=True)
    assert torch.equal(found, kept.detach())


def test_one_linear_output_draws_with_its_squared_weights():
    weights, points = gaussian(D), gaussian(5, D, seed=1)
    found = averaged(functional_fisher, lambda z: z @ weights, points, 40_000)
    value = expected(both, points @ weights, weights.norm().expand(5))
    # The direction is exact with any draw, the length within the error of sampling.
    assert torch.allclose(found / found[:, :1], (weights / weights[0]).square().expand(5, D))
    assert torch.allclose(found, value[:, None] * weights.square(), rtol=0.03)


def test_many_linear_outputs_add_up():
    weights, points = gaussian(7, D), gaussian(5, D, seed=1)
    found = averaged(functional_fisher, lambda z: z @ weights.T, points, 40_000)
    value = expected(both, points @ weights.T, weights.norm(dim=1).expand(5, 7))
    assert torch.allclose(found, value @ weights.square(), rtol=0.05)


def test_the_literal_form_has_its_own_closed_form():
    weights, points = gaussian(7, D), gaussian(3, D, seed=1)
    for outcomes, weight in ((True, both), (False, lambda a: both(a) * torch.sigmoid(-a))):
        found = averaged(
            functional_fisher_literal,
            lambda z: z @ weights.T,
            points,
            20_000,
            both_outcomes=outcomes,
        )
        # Only one coordinate is drawn: the logit of output p varies by its weight.
        logits = (points @ weights.T)[:, :, None].expand(3, 7, D)
        value = expected(weight, logits, weights.abs().expand(3, 7, D))
        assert torch.allclose(found, (value * weights.square()).sum(dim=1), rtol=0.03)


def test_the_estimator_agrees_with_the_literal_form():
    model, points = network(30), gaussian(8, D, seed=1)
    own = averaged(functional_fisher, model, points, 5000)
    literal = averaged(functional_fisher_literal, model, points, 1000, seed=1)
    assert float(cosine(own, literal).min()) > 0.99


def test_the_printed_form_counts_one_of_two_outcomes():
    model, points = network(10), gaussian(4, D, seed=1)

    def literal(sign: int, outcomes: bool) -> Tensor:
        return functional_fisher_literal(
            lambda z: sign * model(z), points, rng=seeded(), samples=5, both_outcomes=outcomes
        )

    assert torch.allclose(literal(1, False) + literal(-1, False), literal(1, True))
    assert not torch.allclose(literal(1, False), literal(-1, False))


def test_the_printed_form_is_the_squared_slope_by_the_value():
    # Close to the points, where one draw stands for all, g'^2 / g by finite differences.
    model, points = network(10), gaussian(3, D, seed=1)
    noise = torch.randn(3, 1, generator=seeded()).double()
    found = functional_fisher_literal(model, points, rng=seeded(), samples=1, both_outcomes=False)
    at, step = points.clone(), torch.zeros(D, dtype=torch.float64)
    at[:, :1] += noise
    step[0] = 1e-6
    with torch.no_grad():
        slope = (torch.sigmoid(model(at + step)) - torch.sigmoid(model(at - step))) / 2e-6
        value = (slope.square() / torch.sigmoid(model(at))).sum(dim=1)
    assert torch.allclose(found[:, 0], value, rtol=1e-6)


def test_pictures_and_rows_are_each_their_own():
    model, points = network(12), gaussian(4, D, seed=1)
    flat = functional_fisher(model, points, rng=seeded())
    pictures = functional_fisher(lambda z: model(z).view(-1, 1, 3, 4), points, rng=seeded())
    torch.testing.assert_close(flat, pictures)
    zeroed = functional_fisher(
        lambda z: model(z) * torch.tensor([[1.0], [0], [1], [1]]), points, rng=seeded()
    )
    assert torch.equal(zeroed[1], torch.zeros(D).double())
    torch.testing.assert_close(zeroed[[0, 2, 3]], flat[[0, 2, 3]])


def test_two_classes_are_the_sigmoid_of_their_difference():
    head, points = network(2), gaussian(4, D, seed=1)
    classes = averaged(class_fisher, head, points, 40_000)
    difference = averaged(
        functional_fisher, lambda z: head(z)[:, 0] - head(z)[:, 1], points, 40_000, seed=1
    )
    assert torch.allclose(classes, difference, rtol=0.05, atol=1e-4)
    assert float(cosine(classes, difference).min()) > 0.999


def test_many_classes_match_the_enumerated_information():
    head, points = network(4), gaussian(3, D, seed=1)
    found = averaged(class_fisher, head, points, 40_000)
    noise = torch.randn(2000, 1, D, generator=seeded(1)).double()
    z = (points + noise).reshape(-1, D)
    slopes = torch.func.vmap(torch.func.jacrev(lambda one: head(one).log_softmax(dim=0)))(z)
    information = (head(z).softmax(dim=1)[:, :, None] * slopes.square()).sum(dim=1)
    assert torch.allclose(found, information.view(2000, 3, D).mean(dim=0), rtol=0.1, atol=1e-4)


def test_a_linear_head_draws_with_its_squared_weights():
    weights = gaussian(2, D).float()
    information = class_fisher(lambda z: z @ weights.T, gaussian(5, D).float(), rng=seeded())
    shares = (weights[0] - weights[1]).square()
    assert float(cosine(information, shares.expand(5, D)).min()) > 0.9999


@pytest.mark.parametrize("certainty", [10.0, 50.0, 80.0])
def test_a_certain_classifier_draws_from_the_same_units(certainty: float):
    weights = gaussian(2, D).float()
    offset = torch.tensor([certainty, 0.0])
    information = class_fisher(
        lambda z: z @ weights.T + offset, torch.zeros(1, D), rng=seeded(), samples=4
    )
    shares = (weights[0] - weights[1]).square()[None]
    assert float(cosine(information, shares).min()) > 0.999


@pytest.mark.parametrize("estimate", [functional_fisher, class_fisher])
def test_saturated_outputs_break_nothing(estimate):
    scale = torch.tensor(1e4, requires_grad=True)
    weights = gaussian(3, D).float()
    found = estimate(
        lambda z: scale * (z @ weights.T), gaussian(4, D).float(), rng=seeded(), create_graph=True
    )
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(scale.grad)


@pytest.mark.parametrize("estimate", [functional_fisher, class_fisher])
def test_gradients_reach_the_weights(estimate):
    model, points = network(5), gaussian(3, D, seed=1)

    def total() -> Tensor:
        return estimate(model, points, rng=seeded(), samples=2, create_graph=True).square().sum()

    total().backward()
    weight = model[0].weight
    with torch.no_grad():
        weight[1, 2] += 1e-5
    up = total().item()
    with torch.no_grad():
        weight[1, 2] -= 2e-5
    down = total().item()
    assert float(weight.grad[1, 2]) == pytest.approx((up - down) / 2e-5, rel=1e-4)


def test_a_graph_only_where_it_is_asked_for():
    model, points = network(5), gaussian(3, D)
    assert not functional_fisher(model, points, rng=seeded()).requires_grad
    with torch.no_grad():
        frozen = functional_fisher(model, points, rng=seeded())
    assert torch.equal(frozen, functional_fisher(model, points, rng=seeded()))
    assert points.grad is None and not points.requires_grad


@pytest.mark.parametrize(("estimate", "outputs"), [(functional_fisher, 5), (class_fisher, 3)])
def test_points_that_are_mapped_in_parts_have_the_same_draws(estimate, outputs: int):
    points, function = gaussian(10, D), network(outputs)
    whole = estimate(function, points, rng=seeded(), samples=2)
    parts = estimate(function, points, rng=seeded(), samples=2, at_once=3)
    torch.testing.assert_close(parts, whole)
