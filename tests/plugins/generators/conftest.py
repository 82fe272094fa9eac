"""A world of two concepts, and a small autoencoder that is trained on its images in a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier, Dataset, ScoringInputs, Split
from causalxai.seeding import seeded, torch_generator
from causalxai_generators.generator_oracle import GeneratorOracle
from causalxai_generators.generator_space import GeneratorSpace
from causalxai_generators.scm_vae_oracle import ScmVaeOracle
from causalxai_generators.scm_vae_space import ScmVaeSpace

SIDE = 8
SHAPE = (1, SIDE, SIDE)
CLASSES = ("above", "below")
LIT, WARM = 0.3, 0.4
"""How much brighter the upper half is with ``lit``, and the lower half by ``warmth`` of 1."""


class Halves(nn.Module):
    """One logit for the mean of each half of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.last.weight.copy_(torch.eye(2) * 10)

    def forward(self, images: Tensor) -> Tensor:
        halves = [half.mean(dim=(1, 2, 3)) for half in images.split(SIDE // 2, dim=2)]
        logits: Tensor = self.last(torch.stack(halves, dim=1))
        return logits


class Autoencoder(nn.Module):
    """Linear, with a few latents."""

    def __init__(self, latents: int = 6) -> None:
        super().__init__()
        self.into = nn.Linear(SIDE * SIDE, latents)
        self.out = nn.Linear(latents, SIDE * SIDE)

    def encode(self, images: Tensor) -> Tensor:
        latents: Tensor = self.into(images.flatten(1))
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        pictures: Tensor = self.out(latents).unflatten(1, SHAPE)
        return pictures


def split_of(n: int, rng: torch.Generator, *, related: bool) -> Split:
    """Return images that are bright above where they are ``lit``, and below by ``warmth``.

    Lit images are warmer, if the concepts are related.
    """
    lit = (torch.rand(n, generator=rng) < 0.5).float()
    warmth = torch.rand(n, generator=rng)
    if related:
        warmth = 0.5 * warmth + 0.5 * lit
    images = torch.rand(n, *SHAPE, generator=rng) * 0.1 + 0.1
    images[:, :, : SIDE // 2] += LIT * lit[:, None, None, None]
    images[:, :, SIDE // 2 :] += WARM * warmth[:, None, None, None]
    labels = (
        images[:, 0, SIDE // 2 :].mean((1, 2)) > images[:, 0, : SIDE // 2].mean((1, 2))
    ).long()
    return Split(images, labels, torch.stack([lit, 100 + 20 * warmth], dim=1))


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    rng = torch_generator(0, "images")
    return Dataset(
        train=split_of(400, rng, related=True),
        test=split_of(120, rng, related=True),
        class_names=CLASSES,
        concept_names=("lit", "warmth"),
    )


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    return Classifier(Halves(), class_names=CLASSES, image_shape=SHAPE)


@pytest.fixture(scope="session")
def autoencoder(dataset: Dataset) -> Autoencoder:
    """Trained on the images of the data set."""

    def trained() -> Autoencoder:
        network, images = Autoencoder(), dataset.train.images[:]
        optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
        for _ in range(300):
            loss = (network.decode(network.encode(images)) - images).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return network

    return seeded(trained, torch_generator(0, "autoencoder"))


@pytest.fixture(scope="session")
def fit(
    classifier: Classifier, dataset: Dataset, autoencoder: Autoencoder
) -> Callable[..., GeneratorSpace]:
    """Return a function that fits a space with some settings."""

    def fitted(**settings: object) -> GeneratorSpace:
        space = GeneratorSpace(**{"generator": autoencoder, **settings})
        return space.fit(classifier, dataset, rng=torch_generator(0))

    return fitted


@pytest.fixture(scope="session")
def space(fit: Callable[..., GeneratorSpace]) -> GeneratorSpace:
    """Fitted; tests only read it."""
    return fit()


@pytest.fixture
def inputs(classifier: Classifier, dataset: Dataset, space: GeneratorSpace) -> ScoringInputs:
    """All parts of a run up to its oracle."""
    base = ScoringInputs(classifier=classifier, dataset=dataset, rng=torch_generator(0, "tests"))
    return replace(base, space=space, oracle=GeneratorOracle().bind(classifier, space))


@pytest.fixture(scope="session")
def references() -> Split:
    """Images whose concepts are independent."""
    return split_of(200, torch_generator(1, "images"), related=False)


@pytest.fixture(scope="session")
def with_references(dataset: Dataset, references: Split) -> Dataset:
    return replace(dataset, reference=references)


VAE = {
    "steps": 160, "width": 8, "code": 4, "batch_size": 32, "learning_rate": 8e-3,
    "causes": {"warmth": ["lit"]},
}  # fmt: skip


@pytest.fixture(scope="session")
def scm_vae(classifier: Classifier, with_references: Dataset) -> ScmVaeSpace:
    """Trained for seconds; tests only read it."""
    return ScmVaeSpace(**VAE).fit(classifier, with_references, rng=torch_generator(0))


@pytest.fixture
def vae_inputs(
    classifier: Classifier, with_references: Dataset, scm_vae: ScmVaeSpace
) -> ScoringInputs:
    """All parts of a run with SCM-VAE up to its oracle."""
    rng = torch_generator(0, "tests")
    base = ScoringInputs(classifier=classifier, dataset=with_references, rng=rng)
    return replace(base, space=scm_vae, oracle=ScmVaeOracle().bind(classifier, scm_vae))
