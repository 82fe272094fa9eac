from __future__ import annotations

import pytest
import torch

from causalxai.errors import CapabilityError
from causalxai.seeding import torch_generator
from causalxai_generators.mechanisms import Mechanisms, causal_order

NAMES = ("effect", "cause", "other")
GRAPH = {"effect": ("cause", "other")}


def world(n: int = 4000) -> torch.Tensor:
    """Return an effect that is a smooth function of its causes, with noise."""
    rng = torch_generator(0, "world")
    cause, other, noise = torch.randn(3, n, generator=rng)
    return torch.stack([10 * torch.tanh(cause) - 3 * other + 0.2 * noise, cause, other], dim=1)


def test_consequences_follow_with_the_individuals_own_noise() -> None:
    values = world()
    found = Mechanisms.fitted(values, NAMES, GRAPH)
    after = values.clone()
    after[:, 1] = 0.5
    was_set = torch.tensor([False, True, False]).expand_as(values)
    result = found.follow(values, after, was_set)
    truth = values[:, 0] + 10 * (torch.tanh(torch.tensor(0.5)) - torch.tanh(values[:, 1]))
    inner = values[:, 1].abs() < 2
    assert (result[:, 0] - truth)[inner].abs().max() < 0.5
    assert torch.equal(result[:, 1:], after[:, 1:])


def test_what_is_set_does_not_follow_and_what_has_the_same_causes_stays() -> None:
    values = world(500)
    found = Mechanisms.fitted(values, NAMES, GRAPH)
    after = values.clone()
    after[:, 0], after[:, 1] = 7.0, 1.0
    both = torch.tensor([True, True, False]).expand_as(values)
    assert torch.equal(found.follow(values, after, both), after)
    neither = torch.zeros_like(values, dtype=torch.bool)
    assert torch.equal(found.follow(values, values, neither), values)


def test_consequences_follow_along_a_chain() -> None:
    rng = torch_generator(1, "chain")
    first = torch.randn(2000, generator=rng)
    second = 2 * first + 0.1 * torch.randn(2000, generator=rng)
    third = -second + 0.1 * torch.randn(2000, generator=rng)
    values = torch.stack([third, second, first], dim=1)
    found = Mechanisms.fitted(values, ("c", "b", "a"), {"c": ["b"], "b": ["a"]})
    after = values.clone()
    after[:, 2] += 1
    result = found.follow(values, after, torch.tensor([False, False, True]).expand_as(values))
    moved = (result - values).mean(dim=0)
    assert torch.allclose(moved, torch.tensor([-2.0, 2.0, 1.0]), atol=0.1)


def test_mechanisms_come_back() -> None:
    values = world(500)
    found = Mechanisms.fitted(values, NAMES, GRAPH)
    again = Mechanisms.from_tensors(found.tensors(), list(found.of))
    assert torch.equal(again.of[0](values), found.of[0](values))


def test_graphs_that_are_none_are_refused() -> None:
    with pytest.raises(CapabilityError, match="no concept 'caus'; did you mean 'cause'"):
        causal_order(NAMES, {"effect": ["caus"]})
    with pytest.raises(CapabilityError, match="is a cycle"):
        causal_order(NAMES, {"effect": ["cause"], "cause": ["effect"]})
    assert causal_order(NAMES, GRAPH) == ["cause", "other", "effect"]
