"""A world whose causal truth is known, and explanations of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Self

import pytest
import torch
from torch import Tensor

from causalxai import Dataset, Explanation, Split
from causalxai.concept_space import Units
from causalxai.intervention import Intervention
from causalxai.oracle import Response, Want
from causalxai.testing import toy_world
from causalxai.testing.toys import ToyOracle, ToyWorld, paint

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


class PaintedOracle(ToyOracle):
    """The toy oracle, whose pictures are changed by a function, and are then read back."""

    @classmethod
    def of(cls, world: ToyWorld, paint: Callable[[Tensor], Tensor]) -> Self:
        oracle = cls(world.oracle.config).bind(world.classifier, world.space)
        oracle.paint = paint
        return oracle

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        response = super()._respond(units, interventions, want)
        images = self.paint(response.answer("images"))
        flat, shape = images.flatten(0, 1), images.shape[:2]
        return Response(
            logits=self.classifier.logits(flat).unflatten(0, shape),
            readback=self.space.encode(flat).values.unflatten(0, shape),
            images=images,
        )
