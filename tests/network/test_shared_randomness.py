from __future__ import annotations

import random

import numpy as np
import torch

from causalxai.network.shared_randomness import own_randomness, random_states


def test_the_shared_generators_are_left_as_they_were():
    before = random_states()
    with own_randomness():
        torch.rand(3), np.random.rand(3), random.random()
        assert random_states() != before
    assert random_states() == before


def test_the_same_is_drawn_each_time():
    def draw() -> tuple[float, float, float]:
        with own_randomness():
            return float(torch.rand(())), float(np.random.rand()), random.random()

    assert draw() == draw()
