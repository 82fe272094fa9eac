"""Schedules of the learning rate."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai.training.learning_rate import linear_decay, linear_warmup, set_learning_rate


def test_the_rate_rises_over_the_first_steps():
    shares = [linear_warmup(number, 4) for number in range(6)]
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


@pytest.mark.parametrize(
    ("since", "expected"), [(0.5, [1, 1, 1, 0.55, 0.1]), (0.0, [1, 0.775, 0.55, 0.325, 0.1])]
)
def test_the_rate_falls_linearly_from_a_part_of_the_steps_on(since: float, expected: list[float]):
    shares = [linear_decay(done, last=0.1, since=since) for done in (0, 0.25, 0.5, 0.75, 1)]
    assert shares == pytest.approx(expected)


def test_all_weights_of_an_optimizer_have_the_rate():
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    groups = [{"params": first.parameters()}, {"params": second.parameters(), "lr": 3.0}]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    set_learning_rate(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]
