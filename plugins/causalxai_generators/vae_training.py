"""The training of a conditional autoencoder and of its reader, which resumes exactly on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.image_data.lazy import Images
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import seeded
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.training.learning_rate import linear_decay, linear_warmup, set_learning_rate
from causalxai.training.loop import StepwiseTraining, descend
from causalxai.training.optimizers import fused_on
from causalxai.training.state import TrainingState
from causalxai_generators.conditional_vae import ConceptReader, ConditionalVae

TERMS = ("reconstruction", "divergence", "independence", "obedience", "reading")
"""The columns of the training history: weighted losses, 0 for a term that is not used."""

_WARM, _LAST = 50, 0.03
_READER_AHEAD = 0.2
_STEEPEST = 200.0
_PROBED = 64


class VaeConfig(PluginConfig):
    """Settings of the networks and of their training.

    Parameters
    ----------
    steps
        The number of training steps; 1500 take two to three minutes of one core at 28 x 28 pixels.
    batch_size
        Images in a step. Half of them are reference images, if the data set has some.
    learning_rate
        The highest learning rate of Adam.
    code
        The number of residual latents, which keep what the concepts do not tell.
    width
        The number of channels at half of the image's size.
    beta
        The weight of the divergence of the residual code from its prior.
    independence
        The weight of an adversary that predicts the concepts from the residual code; it is used
        where there are reference images.
    obedience
        The weight of a loss that compares how far the reader's readings move when concepts are
        changed with how far these were moved.
    noise
        The largest standard deviation of the noise on images that the reader sees in training.
    """

    steps: PositiveInt = 1500
    batch_size: int = Field(64, ge=8, le=4096)
    learning_rate: PositiveFloat = 4e-3
    code: int = Field(16, ge=1, le=1024)
    width: int = Field(32, ge=4, le=512)
    beta: NonNegativeFloat = 1.0
    independence: NonNegativeFloat = 20.0
    obedience: NonNegativeFloat = 30.0
    noise: NonNegativeFloat = 0.2


@dataclass(frozen=True)
class Material:
    """Images with their standardised concepts.

    Parameters
    ----------
    images
        ``[n, c, h, w]``.
    concepts
        ``[n, k]``.
    """

    images: Images
    concepts: Tensor

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return a batch, drawn with replacement."""
        rows = torch.randint(len(self.concepts), (count,), generator=rng)
        return self.images[rows], self.concepts[rows]


def train_vae(
    material: Material,
    references: Material | None,
    config: VaeConfig,
    *,
    device: torch.device,
    rng: torch.Generator,
    progress: Progress = SILENT,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> tuple[ConditionalVae, ConceptReader, Tensor]:
    """Minimise the negative evidence lower bound of images given their concepts.

    Parameters
    ----------
    material
        The training images.
    references
        Images whose concepts are independent.
    config
        The settings.
    device
        Where to train.
    rng
        A CPU generator for all random draws, including the initial weights.

    Returns
    -------
    ConditionalVae
        In evaluation mode and frozen, on ``device``, as the reader is.
    ConceptReader
        Trained on reference images or, without them, on the training images.
    Tensor
        ``[steps, len(TERMS)]``, the history.

    Raises
    ------
    DataError
        If a loss is not finite.
    """
    training = VaeTraining(material, references, config, device, rng)
    history = training.run(
        config.steps,
        remedy=f"lower learning_rate (it is {config.learning_rate:g})",
        progress=progress,
        checkpoint=checkpoint,
    )
    vae = training.vae.eval().requires_grad_(False)
    return vae, training.reader.eval().requires_grad_(False), history


class VaeTraining(StepwiseTraining):
    """The training, step by step."""

    trains = "the conditional autoencoder"
    terms = TERMS
    shown = TERMS[:2]

    def __init__(
        self,
        material: Material,
        references: Material | None,
        config: VaeConfig,
        device: torch.device,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        self.material, self.references, self.config, self.rng = material, references, config, rng
        self.device = device
        channels, height, breadth = material.images.shape[1:]
        shape, concepts = (channels, height, breadth), material.concepts.shape[1]
        self.vae, self.reader, self.adversary = seeded(
            lambda: (
                ConditionalVae(shape, concepts, config.code, config.width).to(device),
                ConceptReader(shape, concepts).to(device),
                _adversary(config.code, concepts).to(device),
            ),
            rng,
        )
        self._optimizers = {
            f"adam of {name}": torch.optim.Adam(network.parameters(), fused=fused_on(device))
            for name, network in self._networks.items()
        }

    @property
    def _networks(self) -> dict[str, nn.Module]:
        return {"vae": self.vae, "reader": self.reader, "adversary": self.adversary}

    @property
    def state(self) -> TrainingState:
        """Everything that the next step depends on."""
        return TrainingState(self._networks, self._optimizers, self.rng)

    def step(self, number: int) -> Mapping[str, float]:
        """Train the reader, the autoencoder and the adversary once, each on a batch."""
        self._set_rate(number)
        told = self._train_reader()
        images, concepts, few = self._batch()
        mean, log_variance = self.vae.encode(images, concepts)
        code = mean + (log_variance / 2).exp() * self._normal(mean)
        pixels = self.vae.decode(code, concepts)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
        losses = {
            "reconstruction": F.binary_cross_entropy_with_logits(pixels, images, reduction="sum")
            / len(images),
            "divergence": self.config.beta * divergence / len(images),
        }
        if few and self.config.independence:
            predicted = 1 - (self.adversary(code[-few:]) - concepts[-few:]).square().mean(dim=0)
            losses["independence"] = self.config.independence * predicted.clamp(min=0).sum()
        if self.config.obedience and number >= _READER_AHEAD * self.config.steps:
            spread = slice(None, None, 2)  # half of each kind of images, which takes half the time
            losses["obedience"] = self.config.obedience * self.disobedience(
                code[spread], concepts[spread]
            )
        told |= descend(self._optimizers["adam of vae"], losses, steepest=_STEEPEST)
        if few and self.config.independence:
            # The adversary sees codes whose encoder it does not change.
            error = (self.adversary(code[-few:].detach()) - concepts[-few:]).square().mean()
            descend(self._optimizers["adam of adversary"], {"prediction": error})
        return told

    def _batch(self) -> tuple[Tensor, Tensor, int]:
        """Return images, concepts, and how many of the last of them are reference images."""
        few = self.config.batch_size // 2 if self.references is not None else 0
        images, concepts = self.material.draw(self.config.batch_size - few, self.rng)
        if self.references is not None:
            others, values = self.references.draw(few, self.rng)
            images, concepts = torch.cat([images, others]), torch.cat([concepts, values])
        return images.to(self.device), concepts.to(self.device), few

    def _train_reader(self) -> dict[str, float]:
        images, concepts = (self.references or self.material).draw(self.config.batch_size, self.rng)
        images = images.to(self.device)
        error = F.mse_loss(self.reader(images + self._noise(images)), concepts.to(self.device))
        return descend(self._optimizers["adam of reader"], {"reading": error})

    def disobedience(self, code: Tensor, concepts: Tensor) -> Tensor:
        """Return how far the reader's readings follow what was set.

        A move from the picture of the unchanged concepts is compared with the move that was set.
        The values themselves are not: a decoder that is trained to have the right values read from
        its pictures paints strokes that are too thin, likely because its reader is trained on
        sharp images and the pictures are blurred.
        """
        known = (self.references or self.material).concepts
        count, width = concepts.shape
        rows = torch.randint(len(known), (count, width), generator=self.rng)
        others = known.gather(0, rows).to(self.device)
        is_set = (torch.rand(count, width, generator=self.rng) < 1 / 2).to(self.device)
        wanted = torch.where(is_set, others, concepts)
        pictures = self.vae.decode(code, wanted).sigmoid()
        noise = self._noise(pictures)  # the same on both pictures, so that it does not move them
        with torch.no_grad():
            before = self.reader(self.vae.decode(code, concepts).sigmoid() + noise)
        moved = self.reader(pictures + noise) - before
        error: Tensor = (moved - (wanted - concepts)).square().sum() / count
        return error

    def _noise(self, images: Tensor) -> Tensor:
        size = torch.rand(len(images), 1, 1, 1, generator=self.rng).to(self.device)
        return self.config.noise * size * self._normal(images)

    def _normal(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self.rng).to(self.device)

    def _set_rate(self, number: int) -> None:
        share = linear_warmup(number, _WARM)
        share *= linear_decay(number / self.config.steps, last=_LAST, since=0)
        for optimizer in self._optimizers.values():
            set_learning_rate(optimizer, self.config.learning_rate * share)


def _adversary(code: int, concepts: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(code, _PROBED), nn.SiLU(), nn.Linear(_PROBED, _PROBED), nn.SiLU(),
        nn.Linear(_PROBED, concepts),
    )  # fmt: skip
