"""Shapley values: the axioms, the definition by brute force, and samples against exact values."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from causalxai.generic.shapley import (
    Shapley,
    exact_shapley_values,
    sampled_shapley_values,
)
from causalxai.seeding import torch_generator
from causalxai.testing import ToyWorld

seeds = st.integers(0, 10_000)


def table(worth: Tensor):
    """Return the game whose coalitions are worth ``[2 ** m, n]``, numbered by their members."""
    players = len(worth).bit_length() - 1
    return lambda members: worth[(members.long() << torch.arange(players)).sum(dim=1)]


def random_game(seed: int, players: int, n: int = 3) -> Tensor:
    return torch.randn(2**players, n, generator=torch_generator(seed), dtype=torch.float64)


def brute_force(worth: Tensor) -> Tensor:
    """Return the mean gain over all orders, ``[n, m]``: the definition."""
    players = len(worth).bit_length() - 1
    orders = list(permutations(range(players)))
    values = torch.zeros(worth.shape[1], players, dtype=torch.float64)
    for order in orders:
        joined = 0
        for player in order:
            values[:, player] += worth[joined + 2**player] - worth[joined]
            joined += 2**player
    return values / len(orders)


@given(seeds, st.integers(1, 5))
@settings(max_examples=25)
def test_exact_values_are_the_mean_over_all_orders(seed: int, players: int):
    worth = random_game(seed, players)
    found = exact_shapley_values(table(worth), players)
    torch.testing.assert_close(found.values, brute_force(worth))
    assert not found.half_width.any()


@given(seeds, st.integers(1, 6))
@settings(max_examples=25)
def test_values_add_up_to_the_grand_coalition(seed: int, players: int):
    worth = random_game(seed, players)
    expected = worth[-1] - worth[0]
    exact = exact_shapley_values(table(worth), players)
    torch.testing.assert_close(exact.values.sum(dim=1), expected)
    rng = torch_generator(seed)
    sampled = sampled_shapley_values(table(worth), players, orders=3, rng=rng)
    torch.testing.assert_close(sampled.values.sum(dim=1), expected)


@given(seeds)
@settings(max_examples=25)
def test_a_dummy_gets_its_own_worth_and_twins_get_the_same(seed: int):
    others = random_game(seed, 2)
    index = torch.arange(16)
    # Players 0 and 1 count by how many of them there are, 2 by itself, and 3 adds a constant.
    symmetric = others[(index & 1) + (index >> 1 & 1)] * (1 + (index >> 2 & 1))[:, None]
    worth = symmetric + 2.5 * (index >> 3 & 1)[:, None]
    values = exact_shapley_values(table(worth), 4).values
    torch.testing.assert_close(values[:, 0], values[:, 1])
    torch.testing.assert_close(values[:, 3], torch.full((3,), 2.5, dtype=torch.float64))


def test_intervals_of_sampled_values_cover_the_exact_ones():
    covered = []
    for seed in range(40):
        worth = random_game(seed, 5)
        exact = exact_shapley_values(table(worth), 5).values
        rng = torch_generator(seed)
        found = sampled_shapley_values(table(worth), 5, orders=12, rng=rng)
        covered.append(((found.values - exact).abs() <= found.half_width).double().mean())
        assert (found.half_width > 0).all()
    assert 0.9 < float(torch.stack(covered).mean()) < 0.99


def test_values_of_a_linear_world_are_its_effects(world: ToyWorld):
    test = world.dataset.test
    explanation = Shapley().explain(test.images[:5], test.labels[:5], world.inputs())
    scale = torch.tensor([concept.scale for concept in world.space.concepts])
    reads = world.reads[:, test.labels[:5]].T
    # Holding or moving a cause shifts its effects along, but all lie one sd lower in the end.
    total = (scale * reads).sum(dim=1)
    torch.testing.assert_close(explanation.importance.sum(dim=1), total, atol=2e-3, rtol=1e-3)


def test_beyond_ten_concepts_orders_are_sampled_and_the_interval_is_told(pair):
    parts = pair("parameters")
    images, many = parts.dataset.test.images[:3], Shapley(most=11, orders=4)
    found = many.explain(images, 0, replace(parts, rng=torch_generator(0)))
    assert (found.meta["exact"], found.meta["orders"]) == (False, 4)
    low, high = found.details["low"], found.details["high"]
    assert (low <= found.importance).all() and (found.importance <= high).all()
    assert (low < high).any()
    few = Shapley(most=10).explain(images, 0, parts)
    assert few.meta["exact"] and torch.equal(few.details["low"], few.details["high"])
