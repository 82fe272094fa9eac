"""A world whose causal truth is known, and explanations of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Self

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from causalxai import Dataset, Explanation, Split
from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.errors import DataError
from causalxai.intervention import Intervention
from causalxai.oracle import Response, Want
from causalxai.renderer import Renderer
from causalxai.testing import toy_world
from causalxai.testing.toys import ToyOracle, ToySpace, ToyWorld, paint

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


class ToyRenderer(Renderer):
    """Draws the toy world's images anew, by its structural model and with their own texture."""

    def __init__(self, world: ToyWorld) -> None:
        self._space, self._scm = world.space, world.scm
        self._known = {image.numpy().tobytes() for image in world.dataset.test.images[:]}

    @property
    def concepts(self) -> tuple[Concept, ...]:
        return tuple(Concept(name, low=-20.0, high=20.0) for name in self._space.names())

    @property
    def errors(self) -> tuple[float, ...]:
        return (1e-4,) * 4

    def recognise(self, images: Tensor) -> Units:
        if any(image.numpy().tobytes() not in self._known for image in images):
            raise DataError("a picture is not among those of the data set")
        return self._space.encode(images)

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        return self._scm.counterfactual(units.values, interventions)

    def draw(self, units: Units, states: Tensor) -> Tensor:
        return (paint(states) + units.residual["texture"]).clamp(0, 1)

    def measure(self, units: Units, images: Tensor) -> Tensor:
        return (
            (functional.avg_pool2d(images.flatten(0, 1), 4).flatten(1) - 0.5)
            .mul(50)
            .unflatten(0, images.shape[:2])
        )


class PatchRenderer(ToyRenderer):
    """Draws the toy world's images with patches that are there or grey; they are all there."""

    @property
    def concepts(self) -> tuple[Concept, ...]:
        return tuple(BooleanConcept(name) for name in self._space.names())

    @property
    def mask_names(self) -> tuple[str, ...]:
        return self._space.names()

    def recognise(self, images: Tensor) -> Units:
        return Units(torch.ones(len(images), 4), {"texture": images})

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        return interventions.apply(units.values)

    def draw(self, units: Units, states: Tensor) -> Tensor:
        there = self._patches(states)
        return torch.where(there, units.residual["texture"], 0.5)

    def masks(self, units: Units, states: Tensor) -> Mapping[str, Tensor]:
        return {
            name: self._patches(states * torch.eye(4)[place])[:, :, 0]
            for place, name in enumerate(self.mask_names)
        }

    @staticmethod
    def _patches(states: Tensor) -> Tensor:
        return (
            torch.unflatten(states > 0.5, -1, (1, 2, 2))
            .repeat_interleave(4, -2)
            .repeat_interleave(4, -1)
        )


@pytest.fixture(scope="session")
def labelled(world: ToyWorld) -> ToyWorld:
    """The toy world, whose test images have measured concepts, too."""
    test = world.dataset.test
    values = world.space.encode(test.images[:]).values
    return replace(world, dataset=replace(world.dataset, test=replace(test, concepts=values)))


@pytest.fixture(scope="session")
def drawn(world: ToyWorld) -> ToyWorld:
    """The toy world, whose data set has a renderer, and whose units are of its test images."""
    dataset = replace(world.dataset, renderer=ToyRenderer(world))
    space = ToySpace().fit(world.classifier, dataset, rng=torch.Generator())
    oracle = ToyOracle(world.oracle.config).bind(world.classifier, space)
    return replace(world, dataset=dataset, space=space, oracle=oracle)


@pytest.fixture(scope="session")
def patched(world: ToyWorld) -> ToyWorld:
    """The toy world, whose data set has a renderer that leaves patches out."""
    return replace(world, dataset=replace(world.dataset, renderer=PatchRenderer(world)))
