"""Two small worlds, in which the factors and the directions of a layer are known.

Planted factors: an image has three channels, each of which is the coefficient of one factor, place
by place. The layer is their product with the factors, and the logits are linear in its mean.

Shifted images: a layer of four means, of which a boolean and a continuous concept raise two each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier, Dataset, ScoringInputs, Split
from causalxai.seeding import torch_generator
from causalxai_activations.direction_oracle import DirectionOracle
from causalxai_activations.direction_space import DirectionSpace
from causalxai_activations.factor_oracle import FactorOracle
from causalxai_activations.factor_space import FactorSpace

SIDE, CHANNELS, FACTORS = 12, 7, 3
WIDTH = 4
CLASSES = ("left", "right")
SETTINGS = {"factors": FACTORS, "crop": 0.34, "images": 60}


class Planted(nn.Module):
    """Coefficients to activations by a known dictionary, and their mean to logits."""

    def __init__(self, factors: Tensor, readout: Tensor) -> None:
        super().__init__()
        self.mix = nn.Conv2d(FACTORS, CHANNELS, 1, bias=False)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.last = nn.Linear(CHANNELS, len(CLASSES), bias=False)
        with torch.no_grad():
            self.mix.weight.copy_(factors.T[..., None, None])
            self.last.weight.copy_(readout)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(self.pool(self.relu(self.mix(images))).flatten(1))
        return logits


def planted_images(n: int, rng: torch.Generator) -> Tensor:
    """Return images of which each quarter shows one factor alone, in some places."""
    kinds = torch.randint(FACTORS, (n, 2, 2), generator=rng)
    shown = torch.nn.functional.one_hot(kinds, FACTORS).permute(0, 3, 1, 2).float()
    amount = torch.rand(n, 1, SIDE, SIDE, generator=rng)
    return shown.repeat_interleave(SIDE // 2, 2).repeat_interleave(SIDE // 2, 3) * amount


@pytest.fixture(scope="session")
def planted_factors() -> Tensor:
    """``[k, c]``, each of length 1."""
    factors = torch.rand(FACTORS, CHANNELS, generator=torch_generator(3))
    factors[0, :2], factors[1, 2:4], factors[2, 4:6] = 0.0, 0.0, 0.0
    return factors / factors.norm(dim=1, keepdim=True)


@pytest.fixture(scope="session")
def classifier(planted_factors: Tensor) -> Classifier:
    readout = torch.randn(len(CLASSES), CHANNELS, generator=torch_generator(4))
    return Classifier(
        Planted(planted_factors, readout), class_names=CLASSES, image_shape=(FACTORS, SIDE, SIDE)
    )


@pytest.fixture(scope="session")
def dataset(classifier: Classifier) -> Dataset:
    rng = torch_generator(5)
    train, test = (planted_images(n, rng) for n in (80, 40))
    splits = [Split(images, classifier.predict(images)) for images in (train, test)]
    return Dataset(train=splits[0], test=splits[1], class_names=CLASSES)


@pytest.fixture(scope="session")
def fit(classifier: Classifier, dataset: Dataset) -> Callable[..., FactorSpace]:
    """Return a function that fits a space with some settings."""

    def fitted(seed: int = 0, **settings: object) -> FactorSpace:
        space = FactorSpace(**{**SETTINGS, **settings})
        return space.fit(classifier, dataset, rng=torch_generator(seed, "factors"))

    return fitted


@pytest.fixture(scope="session")
def space(fit: Callable[..., FactorSpace]) -> FactorSpace:
    """Fitted; tests only read it."""
    return fit()


@pytest.fixture
def inputs(classifier: Classifier, dataset: Dataset, space: FactorSpace) -> ScoringInputs:
    """All parts of a run up to its oracle."""
    base = ScoringInputs(classifier=classifier, dataset=dataset, rng=torch_generator(0, "tests"))
    return replace(base, space=space, oracle=FactorOracle().bind(classifier, space))


class Shifted(nn.Module):
    """A hidden layer of the image's means, and logits that are linear, or bend, behind it."""

    def __init__(self, readout: Tensor, *, bends: bool) -> None:
        super().__init__()
        self.hidden = nn.AdaptiveAvgPool2d(2)
        self.activation = nn.Tanh() if bends else nn.Identity()
        self.last = nn.Linear(WIDTH, len(CLASSES), bias=False)
        with torch.no_grad():
            self.last.weight.copy_(readout)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(self.activation(self.hidden(images)).flatten(1))
        return logits


def shifted_split(n: int, rng: torch.Generator) -> Split:
    """Return images that are bright above where they have ``lit``, and below by ``warmth``."""
    images = torch.rand(n, 1, SIDE, SIDE, generator=rng) * 0.3
    lit = (torch.rand(n, generator=rng) < 0.4).float()
    warmth = torch.rand(n, generator=rng)
    images[:, :, : SIDE // 2] += 0.3 * lit[:, None, None, None]
    images[:, :, SIDE // 2 :] += 0.4 * warmth[:, None, None, None]
    labels = torch.randint(len(CLASSES), (n,), generator=rng)
    return Split(images, labels, torch.stack([lit, 100 + 20 * warmth], dim=1))


@pytest.fixture(scope="session")
def shifted() -> Dataset:
    """Images with a boolean and a continuous concept, and labels that have to do with neither."""
    rng = torch_generator(7)
    return Dataset(
        train=shifted_split(300, rng),
        test=shifted_split(100, rng),
        class_names=CLASSES,
        concept_names=("lit", "warmth"),
    )


def shifted_classifier(*, bends: bool) -> Classifier:
    # The first logit sees what is above, the second one what is below.
    readout = torch.tensor([[1.0, 1.0, 0.2, -0.2], [0.1, -0.1, 1.0, 1.0]])
    return Classifier(
        Shifted(readout, bends=bends), class_names=CLASSES, image_shape=(1, SIDE, SIDE)
    )


@pytest.fixture(scope="session")
def linear_classifier() -> Classifier:
    """Its logits are linear in the layer ``hidden``."""
    return shifted_classifier(bends=False)


@pytest.fixture(scope="session")
def bent_classifier() -> Classifier:
    return shifted_classifier(bends=True)


@pytest.fixture(scope="session")
def directions(bent_classifier: Classifier, shifted: Dataset) -> DirectionSpace:
    """Fitted; tests only read it."""
    space = DirectionSpace(controls=199, layer="hidden")
    return space.fit(bent_classifier, shifted, rng=torch_generator(0, "directions"))


@pytest.fixture
def direction_inputs(
    bent_classifier: Classifier, shifted: Dataset, directions: DirectionSpace
) -> ScoringInputs:
    """All parts of a run with directions up to its oracle."""
    rng = torch_generator(0, "tests")
    base = ScoringInputs(classifier=bent_classifier, dataset=shifted, rng=rng)
    oracle = DirectionOracle().bind(bent_classifier, directions)
    return replace(base, space=directions, oracle=oracle)
