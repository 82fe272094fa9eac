"""The kernel distance against scikit-learn's kernel, and of pictures that look like images."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel

from causalxai.metrics.realism import Realism, squared_discrepancy
from causalxai.testing.toys import ToyWorld

from .conftest import Explain, PaintedOracle


def test_the_distance_is_the_mean_over_pairs_of_samples():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(6, 3)), rng.normal(1, 2, size=(5, 3))

    def kernel(x, y) -> float:
        return float(polynomial_kernel(x[None], y[None], degree=3, gamma=1 / 3, coef0=1)[0, 0])

    within = [np.mean([kernel(a, b) for a, b in permutations(each, 2)]) for each in (one, other)]
    across = np.mean([kernel(a, b) for a in one for b in other])
    assert squared_discrepancy(one, other) == pytest.approx(sum(within) - 2 * across)


def test_samples_of_one_distribution_are_0_apart_on_average():
    rng = np.random.default_rng(1)
    same = [squared_discrepancy(*rng.normal(size=(2, 30, 4))) for _ in range(200)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(len(same))
    assert squared_discrepancy(rng.normal(size=(30, 4)), rng.normal(2, 1, size=(30, 4))) > 1


def test_pictures_like_images_are_nearer_than_faded_ones(world: ToyWorld, explain: Explain):
    explanation = explain(torch.zeros(60, 4))
    exact = Realism().compute(explanation, world.inputs())
    faded = PaintedOracle.of(world, lambda images: 0.2 * images)
    far = Realism().compute(explanation, replace(world.inputs(), oracle=faded))
    assert exact.estimate.high < far.estimate.low
    assert exact.estimate.high < exact.chance.low
    assert abs(exact.parts["test images"].value) < exact.chance.low


def test_too_few_images_are_skipped(world: ToyWorld, explain: Explain):
    result = Realism().compute(explain(torch.zeros(3, 4)), world.inputs())
    assert (result.status, "takes 4 images" in result.reason) == ("skipped", True)
