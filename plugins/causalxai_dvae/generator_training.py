"""Training of the generator, so that it depends on the same units as the classifier."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.image_data.lazy import Images
from causalxai.network.hidden_layer import HiddenLayer
from causalxai.progress import SILENT, Progress
from causalxai.seeding import seeded
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.training.data_parallel import own_rows
from causalxai.training.learning_rate import linear_decay, set_learning_rate
from causalxai.training.loop import StepwiseTraining, descend
from causalxai.training.optimizers import fused_on
from causalxai.training.state import TrainingState
from causalxai_dvae.autoencoder import DiscreteAutoencoder
from causalxai_dvae.complement import in_batches
from causalxai_dvae.fisher import class_fisher, functional_fisher
from causalxai_dvae.generator import Generator, GeneratorConfig

TERMS = ("reconstruction", "information")
"""The columns of the training history: weighted losses, 0 in steps without information."""

# The information is 0 for a saturated function, and its inverse must stay finite.
_LEAST = 1e-30


def train_generator(
    autoencoder: DiscreteAutoencoder,
    layer: HiddenLayer,
    activations: Tensor,
    images: Images,
    config: GeneratorConfig,
    *,
    device: torch.device,
    rng: torch.Generator,
    progress: Progress = SILENT,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> tuple[Generator, Tensor]:
    """Train a generator to render images from phi', the decoded code of their activations.

    Parameters
    ----------
    autoencoder
        The trained autoencoder; it is not changed.
    layer
        The hidden layer, on ``device``; the rest of the classifier is f_K.
    activations, images
        ``[n, d]`` and ``[n, c, h, w]`` in [0, 1].
    config
        The settings.
    device
        Where to train.
    rng
        A CPU generator for all random draws, including the initial weights.

    Returns
    -------
    Generator
        The generator in evaluation mode and frozen, on ``device``.
    Tensor
        ``[steps, len(TERMS)]``, the history.

    Raises
    ------
    DataError
        If the loss is not finite.

    Notes
    -----
    Source: *Latent space explanation by intervention*, equation 6, with the cross entropy per
    pixel; the input of g is phi', that of f_K is phi. Our choices: the information of f_K is
    normalised to length 1 for each image, because otherwise the least certain image would dominate;
    the dot products are averaged before the inverse is taken; and the inverse is divided by its
    first value, so that lambda has the same meaning for any classifier.
    """
    training = _GeneratorTraining(
        autoencoder, layer, activations.detach(), images, config, device, rng
    )
    history = training.run(
        config.steps,
        remedy=f"lower learning_rate (it is {config.learning_rate:g}) or information (it is "
        f"{config.information:g})",
        progress=progress,
        checkpoint=checkpoint,
    )
    return training.generator.eval().requires_grad_(False), history


class _GeneratorTraining(StepwiseTraining):
    """The training of a generator, step by step."""

    trains = "the generator"
    terms = shown = TERMS

    def __init__(
        self,
        autoencoder: DiscreteAutoencoder,
        layer: HiddenLayer,
        activations: Tensor,
        images: Images,
        config: GeneratorConfig,
        device: torch.device,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        self.layer, self.images, self.config, self.rng = layer, images, config, rng
        self.device = device
        self.phi = activations.to(device)
        with torch.no_grad():
            self.kept = in_batches(autoencoder.reconstruct, self.phi)
        channels, height, width = images.shape[1:]
        generator = seeded(
            lambda: Generator(self.phi.shape[1], (channels, height, width), config), rng
        )
        self.generator = generator.to(device)
        self.generator.begin_at(self.kept, images)
        self.optimizer = torch.optim.Adam(
            self.generator.parameters(), lr=config.learning_rate, fused=fused_on(device)
        )
        self.inverse_similarity = _InverseSimilarity(config.similarity).to(device)

    @property
    def state(self) -> TrainingState:
        modules = {"generator": self.generator, "inverse similarity": self.inverse_similarity}
        return TrainingState(modules, {"adam": self.optimizer}, self.rng)

    def step(self, number: int) -> dict[str, float]:
        share = linear_decay(number / self.config.steps)
        set_learning_rate(self.optimizer, self.config.learning_rate * share)
        drawn = torch.randint(len(self.images), (self.config.batch_size,), generator=self.rng)
        rows = own_rows(drawn)
        images, here = self.images[rows].to(self.device), rows.to(self.device)
        logits = self.generator(self.kept[here])
        losses = [F.binary_cross_entropy_with_logits(logits, images), logits.new_zeros(())]
        every = self.config.information_every
        if self.config.information > 0 and number % every == 0:
            few = max(1, self.config.information_images * len(rows) // len(drawn))
            inverse = self._inverse_information(here[:few])
            losses[1] = self.config.information * every * inverse
        return descend(self.optimizer, dict(zip(TERMS, losses, strict=True)))

    def _inverse_information(self, rows: Tensor) -> Tensor:
        classifiers = class_fisher(self.layer.logits, self.phi[rows], rng=self.rng)
        own = functional_fisher(self.generator, self.kept[rows], rng=self.rng, create_graph=True)
        inverse: Tensor = self.inverse_similarity(own, classifiers)
        return inverse


class _InverseSimilarity(nn.Module):
    """The inverse of the shared information, as a multiple of its first value."""

    first: Tensor

    def __init__(self, similarity: Literal["dot", "cosine"]) -> None:
        super().__init__()
        self.similarity = similarity
        self.register_buffer("first", torch.tensor(torch.nan))

    def forward(self, own: Tensor, classifiers: Tensor) -> Tensor:
        """Compare the information ``[n, d]`` of a generator with that of a classifier."""
        if self.similarity == "cosine":
            own = F.normalize(own, dim=1, eps=_LEAST)
        # The information of a saturated classifier is so small that its square would underflow.
        scaled = classifiers / classifiers.amax(dim=1, keepdim=True).clamp(min=_LEAST)
        direction = F.normalize(scaled, dim=1, eps=_LEAST)
        inverse = 1 / ((own * direction).sum(dim=1).mean() + _LEAST)
        if self.first.isnan():
            self.first.copy_(inverse.detach())
        return inverse / self.first
