"""A world whose causal truth is known, and explanations of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai import Dataset, Explanation, Split
from causalxai.testing import toy_world
from causalxai.testing.toys import ToyWorld, paint

Explain = Callable[[Tensor], Explanation]


@pytest.fixture(scope="session")
def world() -> ToyWorld:
    """The toy world, with enough images to tell dependence."""
    small = toy_world(0)
    rng = torch.Generator().manual_seed(1)
    images = paint(small.scm.sample(120, rng))
    test = Split(images, small.classifier.predict(images))
    data = small.dataset
    return replace(
        small,
        dataset=Dataset(
            data.train, test, data.class_names, concept_names=data.concept_names, graph=data.graph
        ),
    )


@pytest.fixture(scope="session")
def explain(world: ToyWorld) -> Explain:
    """Make an explanation of importances for the first of the test images, all of one class."""

    def make(importance: Tensor) -> Explanation:
        images = world.dataset.test.images[: len(importance)]
        target = torch.zeros(len(importance), dtype=torch.int64)
        return Explanation(images, target, world.space.names(), importance)

    return make
