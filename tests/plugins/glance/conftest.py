"""A small world with a known truth: bright squares, the larger the brighter, anywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai import CausalGraph, Classifier, Dataset, ScoringInputs, Split
from causalxai.seeding import torch_generator
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.twin_oracle import TwinOracle
from tests.plugins.small_network import trained_classifier

SIDE = 16
NAMES = ("size", "brightness")
CLASSES = ("dim", "small", "large")


def sample(n: int, rng: torch.Generator) -> Tensor:
    """Draw size, which causes brightness: ``[n, 2]``."""
    size = 2 + 3.5 * torch.rand(n, generator=rng)
    noise = 0.05 * torch.randn(n, generator=rng)
    return torch.stack([size, 0.3 + 0.4 * torch.sigmoid(2 * (size - 3.5)) + noise], dim=1)


def paint(concepts: Tensor, rng: torch.Generator) -> Tensor:
    """Return ``[n, 1, 16, 16]``: a square of half the side and the brightness given, with grain."""
    n = len(concepts)
    centre = 6.5 + 2 * torch.rand(n, 2, generator=rng)
    axis = torch.arange(SIDE) + 0.0
    far = [(axis - centre[:, i, None]).abs() for i in (0, 1)]
    # A soft edge, so that a size between two pixels can be seen.
    cover = [(concepts[:, :1] + 0.5 - distance).clamp(0, 1) for distance in far]
    square = cover[0][:, :, None] * cover[1][:, None, :]
    grain = 0.02 * torch.rand(n, SIDE, SIDE, generator=rng)
    return (concepts[:, 1, None, None] * square + grain).clamp(0, 1)[:, None]


def classify(concepts: Tensor) -> Tensor:
    size, brightness = concepts.T
    return torch.where(brightness < 0.42, 0, torch.where(size < 3.9, 1, 2))


def split_of(n: int, rng: torch.Generator) -> Split:
    concepts = sample(n, rng)
    return Split(paint(concepts, rng), classify(concepts), concepts)


@pytest.fixture(scope="session")
def squares() -> Dataset:
    rng = torch_generator(0, "squares")
    return Dataset(
        train=split_of(320, rng),
        test=split_of(80, rng),
        class_names=CLASSES,
        concept_names=NAMES,
        graph=CausalGraph(NAMES, [NAMES]),
    )


@pytest.fixture(scope="session")
def looker(squares: Dataset) -> Classifier:
    """A classifier of the squares, trained for a second."""
    return trained_classifier(squares, channels=12, steps=120)


SMALL = {"latents": 8, "steps": 150, "channels": 16, "batch_size": 16, "layers": 2}


@pytest.fixture(scope="session")
def latent_space(looker: Classifier, squares: Dataset) -> LatentSpace:
    """Fitted; tests only read it."""
    return LatentSpace(**SMALL).fit(looker, squares, rng=torch_generator(0, "twin"))


@pytest.fixture(scope="session")
def twin_oracle(looker: Classifier, latent_space: LatentSpace) -> TwinOracle:
    """Bound; tests only ask it."""
    return TwinOracle().bind(looker, latent_space)


@pytest.fixture
def glance_context(
    looker: Classifier, squares: Dataset, latent_space: LatentSpace, twin_oracle: TwinOracle
) -> ScoringInputs:
    """All parts of a pipeline that has come to its explanations."""
    inputs = ScoringInputs(classifier=looker, dataset=squares, rng=torch_generator(0, "tests"))
    return replace(inputs, space=latent_space, oracle=twin_oracle, graph=squares.graph)
