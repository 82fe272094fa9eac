"""TCAV scores: shares of images, and a test that finds no more than chance where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from causalxai.seeding import torch_generator
from causalxai_activations.tcav_scores import TcavScores, class_score


def test_the_score_is_the_share_of_images_whose_logit_rises():
    rises = torch.tensor([[1.0, 1.0, -1.0], [2.0, -1.0, 1.0], [-0.5, 1.0, -1.0], [0.1, 1.0, 1.0]])
    found = class_score(rises, torch.tensor([1.0, 2.0, 0.5]))
    wilson = stats.binomtest(3, 4).proportion_ci(0.95, method="wilson")
    assert (found.score, found.low, found.high) == pytest.approx((0.75, wilson.low, wilson.high))
    # The scores of the random directions are 3/4 and 1/2: one is as far from 1/2 as the concept's.
    assert found.p == pytest.approx(2 / 3)
    assert found.effect == pytest.approx(2.6 / 4)
    # Their effects are 1 and 0.
    assert found.effect_p == pytest.approx(2 / 3)


def test_random_directions_have_a_score_of_about_one_half_and_are_rarely_found():
    rng = torch_generator(0)
    p, scores = [], []
    for _ in range(300):
        gradients = torch.randn(30, 20, generator=rng) + torch.randn(20, generator=rng)
        directions = torch.randn(20, 100, generator=rng)
        found = class_score((gradients @ directions).double(), torch.ones(100))
        p.append((found.p, found.effect_p))
        scores.append(found.score)
    assert np.mean(scores) == pytest.approx(0.5, abs=0.06)
    assert (np.mean(np.array(p) <= 0.1, axis=0) < 0.15).all()


def test_a_direction_that_always_raises_the_logit_is_found():
    rng = torch_generator(0)
    random = torch.randn(40, 200, generator=rng).double()
    rises = torch.cat([torch.ones(40, 1).double(), random], dim=1)
    found = class_score(rises, torch.ones(201))
    assert found.score == 1.0
    assert found.p == found.effect_p == pytest.approx(1 / 201)
    assert 0 < found.random_low < 0.5 < found.random_high < 1


def test_tests_are_adjusted_to_their_number_and_come_back_from_a_record():
    rng = torch_generator(1)
    rows = [
        [class_score(torch.randn(9, 40, generator=rng).double(), torch.ones(40)) for _ in range(3)]
        for _ in range(2)
    ]
    scores = TcavScores.of(rows)
    assert scores.score.shape == (2, 3)
    expected = stats.false_discovery_control([one.p for row in rows for one in row])
    assert scores.adjusted.ravel() == pytest.approx(expected)
    back = TcavScores.from_tensors(scores.tensors())
    assert all(np.array_equal(getattr(back, name), value) for name, value in vars(scores).items())
    assert TcavScores.of([[], []]).found.shape == (2, 0)
