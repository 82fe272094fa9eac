"""A small world of bars, standing, lying or crossed, and a code of what a classifier sees there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai import Classifier, Dataset, ScoringInputs, Split
from causalxai.seeding import torch_generator
from causalxai_dvae.bit_oracle import BitOracle
from causalxai_dvae.bit_space import BitSpace
from tests.plugins.small_network import trained_classifier

SIDE = 16
CLASSES = ("standing", "lying", "crossed")
NAMES = ("bright",)
SMALL = {"autoencoder": {"bits": 6, "hidden": (32, 16), "steps": 400}, "generator": {"steps": 60}}


def bars(n: int, rng: torch.Generator) -> Split:
    """Draw bars of one of two brightnesses, in any place, with grain."""
    labels = torch.randint(3, (n,), generator=rng)
    bright = torch.randint(2, (n,), generator=rng).float()
    places = torch.randint(3, SIDE - 4, (n, 2), generator=rng)
    axis = torch.arange(SIDE)
    standing, lying = ((axis - places[:, i, None] - 0.5).abs() < 1 for i in (0, 1))
    cover = (standing[:, None, :] & (labels != 1)[:, None, None]) | (
        lying[:, :, None] & (labels != 0)[:, None, None]
    )
    grain = 0.05 * torch.rand(n, SIDE, SIDE, generator=rng)
    images = (0.5 + 0.4 * bright)[:, None, None] * cover + grain
    return Split(images[:, None], labels, bright[:, None])


@pytest.fixture(scope="session")
def bar_data() -> Dataset:
    rng = torch_generator(0, "bars")
    return Dataset(
        train=bars(400, rng),
        test=bars(80, rng),
        class_names=CLASSES,
        concept_names=NAMES,
        reference=bars(300, rng),
    )


@pytest.fixture(scope="session")
def bar_classifier(bar_data: Dataset) -> Classifier:
    """A classifier of the bars, trained for a second."""
    return trained_classifier(bar_data, channels=8, steps=150)


@pytest.fixture(scope="session")
def bit_space(bar_classifier: Classifier, bar_data: Dataset) -> BitSpace:
    """Fitted; tests only read it."""
    return BitSpace(**SMALL).fit(bar_classifier, bar_data, rng=torch_generator(0, "code"))


@pytest.fixture(scope="session")
def bit_oracle(bar_classifier: Classifier, bit_space: BitSpace) -> BitOracle:
    """Bound; tests only ask it."""
    return BitOracle().bind(bar_classifier, bit_space)


@pytest.fixture
def bit_context(
    bar_classifier: Classifier, bar_data: Dataset, bit_space: BitSpace, bit_oracle: BitOracle
) -> ScoringInputs:
    """All parts of a pipeline that has come to its graph."""
    inputs = ScoringInputs(
        classifier=bar_classifier, dataset=bar_data, rng=torch_generator(0, "tests")
    )
    return replace(inputs, space=bit_space, oracle=bit_oracle)


@pytest.fixture
def images(bar_data: Dataset) -> Tensor:
    """A few held-out images."""
    return bar_data.test.images[:12]
