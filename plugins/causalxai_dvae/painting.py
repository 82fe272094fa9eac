"""Trains the generator, so that it draws from a hidden layer what the classifier draws from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from causalxai.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.errors import DataError
from causalxai.hidden_layer import HiddenLayer
from causalxai.progress import SILENT, Progress
from causalxai.record import Record
from causalxai.seeding import seeded
from causalxai.training_state import TrainingState
from causalxai_dvae.autoencoder import DiscreteAutoencoder
from causalxai_dvae.coding import share_of_rate
from causalxai_dvae.fisher import class_fisher, functional_fisher
from causalxai_dvae.generator import Generator, GeneratorConfig

TERMS = ("reconstruction", "information")
"""The columns of a training's history: weighted losses; 0 in steps without information."""

_SAVE_EVERY = 100
_AT_ONCE = 256
# What a function draws from a layer can be 0, if it is saturated; its inverse must not break.
_LEAST = 1e-30


def train_generator(
    autoencoder: DiscreteAutoencoder,
    layer: HiddenLayer,
    activations: Tensor,
    images: Tensor,
    config: GeneratorConfig,
    *,
    device: torch.device,
    rng: torch.Generator,
    progress: Progress = SILENT,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> tuple[Generator, Tensor]:
    """Learn to paint images from phi', what the code keeps of their activations.

    Parameters
    ----------
    autoencoder
        Trained; it is not changed.
    layer
        The hidden layer, on ``device``; the rest of the classifier is f_K.
    activations, images
        ``[n, d]`` and ``[n, c, h, w]`` in [0, 1].
    config
        The settings.
    device
        Where to train.
    rng
        A CPU generator that all chance comes from, the initial weights' too.

    Returns
    -------
    Generator
        In evaluation mode and frozen, on ``device``.
    Tensor
        ``[steps, len(TERMS)]``, the history.

    Raises
    ------
    DataError
        If the loss is not finite.

    Notes
    -----
    Source: *Latent space explanation by intervention*, equation 6, with the cross entropy per
    pixel; g sees phi', f_K sees phi. Ours: the information of f_K is brought to length 1 for each
    image, lest the least certain one outweighs all; the dot products are averaged before the
    inverse is taken; and that is told as a multiple of its first value, so that lambda means the
    same for any classifier.
    """
    training = _Training(autoencoder, layer, activations.detach(), images, config, device, rng)
    stored = checkpoint.load()
    first = 0 if stored is None else training.resume(stored)
    with progress.task("train the generator", config.steps) as advance:
        advance(first)
        for step in range(first, config.steps):
            losses = training.step(step)
            if not all(map(math.isfinite, losses)):
                raise DataError(
                    f"the generator's training broke down in step {step + 1}: the loss is not "
                    f"finite; lower learning_rate (it is {config.learning_rate:g}) or information "
                    f"(it is {config.information:g})"
                )
            advance(1, " ".join(f"{n} {loss:.3f}" for n, loss in zip(TERMS, losses, strict=True)))
            if (step + 1) % _SAVE_EVERY == 0 and step + 1 < config.steps:
                checkpoint.save(training.snapshot(step + 1))
    return training.generator.eval().requires_grad_(False), training.history


class _Training:
    """All that one training consists of."""

    def __init__(
        self,
        autoencoder: DiscreteAutoencoder,
        layer: HiddenLayer,
        activations: Tensor,
        images: Tensor,
        config: GeneratorConfig,
        device: torch.device,
        rng: torch.Generator,
    ) -> None:
        self.layer, self.images, self.config, self.rng = layer, images, config, rng
        self.device = device
        self.phi = activations.to(device)
        with torch.no_grad():
            self.kept = autoencoder.reconstruct(self.phi)
        channels, height, width = images.shape[1:]
        generator = seeded(
            lambda: Generator(self.phi.shape[1], (channels, height, width), config), rng
        )
        self.generator = generator.to(device)
        self.generator.begin_at(self.kept, images.to(device))
        self.optimizer = torch.optim.Adam(self.generator.parameters(), lr=config.learning_rate)
        self.first_inverse: float | None = None
        self._history: list[list[float]] = []

    @property
    def history(self) -> Tensor:
        return torch.tensor(self._history, dtype=torch.float64).reshape(-1, len(TERMS))

    @property
    def _state(self) -> TrainingState:
        return TrainingState({"generator": self.generator}, {"adam": self.optimizer}, self.rng)

    def snapshot(self, steps: int) -> Record:
        record = self._state.to_record(steps=steps, first_inverse=self.first_inverse)
        return replace(record, tensors={**record.tensors, "history": self.history})

    def resume(self, record: Record) -> int:
        self._state.restore(record)
        self._history = record.tensors["history"].tolist()
        self.first_inverse = cast("float | None", record.meta["first_inverse"])
        return cast("int", record.meta["steps"])

    def step(self, number: int) -> list[float]:
        """Descend once; return the weighted losses before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * share_of_rate(number / self.config.steps)
        rows = torch.randint(len(self.images), (self.config.batch_size,), generator=self.rng)
        images, here = self.images[rows].to(self.device), rows.to(self.device)
        logits = self.generator(self.kept[here])
        losses = [F.binary_cross_entropy_with_logits(logits, images), logits.new_zeros(())]
        every = self.config.information_every
        if self.config.information > 0 and number % every == 0:
            inverse = self._inverse_information(here[: self.config.information_images])
            losses[1] = self.config.information * every * inverse
        self.optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        self.optimizer.step()
        row = [loss.item() for loss in losses]
        self._history.append(row)
        return row

    def _inverse_information(self, rows: Tensor) -> Tensor:
        """Return the inverse similarity, as a multiple of its first value."""
        classifiers = class_fisher(self.layer.logits, self.phi[rows], rng=self.rng).double()
        own = functional_fisher(self.generator, self.kept[rows], rng=self.rng, create_graph=True)
        if self.config.similarity == "cosine":
            own = F.normalize(own, dim=1, eps=_LEAST)
        direction = F.normalize(classifiers, dim=1, eps=_LEAST).to(own)
        inverse = 1 / ((own * direction).sum(dim=1).mean() + _LEAST)
        if self.first_inverse is None:
            self.first_inverse = inverse.item()
        return inverse / self.first_inverse


@dataclass(frozen=True)
class Shared:
    """How far the generator and the classifier draw from the same units of a layer.

    Parameters
    ----------
    cosine
        ``[n]`` in [0, 1], image by image, between the information of g at phi' and that of f_K
        at phi.
    shuffled
        ``[n]``, the same with the units of f_K's information permuted: the level of chance.
    of_means
        The cosine between both informations' means over images.
    """

    cosine: Tensor
    shuffled: Tensor
    of_means: float


def shared_information(
    generator: Generator,
    layer: HiddenLayer,
    autoencoder: DiscreteAutoencoder,
    activations: Tensor,
    *,
    rng: torch.Generator,
    samples: int = 8,
) -> Shared:
    """Compare what the generator and what the classifier draw from a layer.

    Parameters
    ----------
    generator, layer, autoencoder
        On one device.
    activations
        ``[n, d]``, the layer's.
    rng
        A CPU generator.
    samples
        Draws for each image.

    Notes
    -----
    Source: *Latent space explanation by intervention*, table 2. A high cosine is no better
    picture: with a large weight of the information it nears 1 while the pictures fade.
    """
    generators, classifiers = [], []
    for phi in activations.detach().split(_AT_ONCE):
        with torch.no_grad():
            kept = autoencoder.reconstruct(phi)
        generators.append(functional_fisher(generator, kept, rng=rng, samples=samples))
        classifiers.append(class_fisher(layer.logits, phi, rng=rng, samples=samples))
    own, other = torch.cat(generators).double(), torch.cat(classifiers).double()
    permuted = torch.rand(other.shape, generator=rng).argsort(dim=1).to(other.device)
    return Shared(
        cosine=_cosine(own, other),
        shuffled=_cosine(own, other.gather(1, permuted)),
        of_means=float(_cosine(own.mean(dim=0), other.mean(dim=0))),
    )


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    norms = one.norm(dim=-1) * other.norm(dim=-1)
    cosine: Tensor = (one * other).sum(dim=-1) / norms.clamp(min=torch.finfo(norms.dtype).tiny)
    return cosine
