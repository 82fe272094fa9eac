"""A small world: a picture's upper half is as bright as one concept, its lower as another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from causalxai import Classifier, Dataset, ScoringInputs, Split
from causalxai_glance.perception import (
    MeasurementModel,
    PerceivedDiscoverer,
    Perception,
    PerceptionConfig,
    ReadOutConfig,
)

NAMES = ("top", "bottom")
SHAPE = (1, 8, 8)


class Glimpse(nn.Module):
    """One convolution and two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.hidden = nn.Linear(4 * 9, 6)
        self.last = nn.Linear(6, 2)

    def forward(self, images: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv(images)), 2)
        logits: Tensor = self.last(functional.relu(self.hidden(x.flatten(1))))
        return logits


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def glimpse() -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = Glimpse()
    return Classifier(model, class_names=("dark", "bright"), image_shape=SHAPE)


def paint_halves(values: NDArray[np.float64], rng: np.random.Generator) -> Tensor:
    """Return ``[n, 1, 8, 8]``: brightness .5 + value / 10, and a little grain."""
    halves = np.repeat(values, 4, axis=1)[:, None, :, None]
    grain = 0.02 * rng.standard_normal((len(values), *SHAPE))
    return torch.from_numpy(np.clip(0.5 + halves / 10 + grain, 0, 1)).float()


def split_of(values: NDArray[np.float64], rng: np.random.Generator) -> Split:
    concepts = torch.from_numpy(values).float()
    return Split(paint_halves(values, rng), (concepts[:, 0] > 0).long(), concepts, concepts)


def caused(n: int, rng: np.random.Generator, cause: int) -> NDArray[np.float64]:
    """Draw two concepts; ``cause`` bends the other one."""
    first = rng.uniform(-2, 2, n)
    second = 2 * np.tanh(1.5 * first) + 0.3 * rng.standard_normal(n)
    return np.stack([first, second] if cause == 0 else [second, first], axis=1)


@pytest.fixture
def make_dataset() -> Callable[..., Dataset]:
    def make(cause: int = 0, n: int = 900) -> Dataset:
        rng = np.random.default_rng(5)
        train, test = caused(n, rng, cause), caused(n // 3, rng, cause)
        shuffled = rng.permuted(train, axis=0)
        return Dataset(
            split_of(train, rng),
            split_of(test, rng),
            ("dark", "bright"),
            NAMES,
            reference=split_of(shuffled, rng),
        )

    return make


QUICK = PerceptionConfig(
    pooled=2,
    readout=ReadOutConfig(hidden=24, folds=3, epochs=40, learning_rate=1e-2, batch_size=64),
)


@pytest.fixture
def quick() -> PerceptionConfig:
    return QUICK


@pytest.fixture
def make_discoverer() -> Callable[..., PerceivedDiscoverer]:
    def make(**settings: object) -> PerceivedDiscoverer:
        return PerceivedDiscoverer(**{"perception": QUICK, "resamples": 4, **settings})

    return make


@pytest.fixture
def make_context(glimpse: Classifier) -> Callable[..., ScoringInputs]:
    def make(dataset: Dataset, seed: int = 0) -> ScoringInputs:
        rng = torch.Generator().manual_seed(seed)
        return ScoringInputs(classifier=glimpse, dataset=dataset, rng=rng)

    return make


@pytest.fixture
def make_perception() -> Callable[..., Perception]:
    """Return readings of given values, made by an instrument of a given error."""

    def make(values: NDArray[np.float64], error: float, seed: int = 0) -> Perception:
        rng = np.random.default_rng(seed)
        truth = rng.permuted(values, axis=0)
        scale = error * values.std(axis=0)
        readings = truth + scale * rng.standard_normal(values.shape)
        measurement_model = MeasurementModel.fit(truth, readings)
        seen = values + scale * rng.standard_normal(values.shape)
        nothing = np.zeros(values.shape[1])
        names = tuple("abcdef"[: values.shape[1]])
        return Perception(
            names,
            measurement_model.unmix(seen),
            measurement_model.unmix(readings),
            measurement_model,
            nothing,
            nothing,
        )

    return make
