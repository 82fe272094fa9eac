"""Adversarial training of a twin, which resumes to identical results on a CPU."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import get_ema_multi_avg_fn

from causalxai.classifier import Classifier
from causalxai.errors import DataError
from causalxai.image_data.lazy import mean_image
from causalxai.memory import tell_if_too_large
from causalxai.network.working_memory import bytes_for_gradients
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import seeded
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.training.data_parallel import draw_rows
from causalxai.training.learning_rate import linear_decay, linear_warmup, set_learning_rate
from causalxai.training.loop import StepwiseTraining, descend
from causalxai.training.optimizers import fused_on
from causalxai.training.state import TrainingState
from causalxai_glance.twin.discriminator import Discriminator
from causalxai_glance.twin.intervened import values_of_do
from causalxai_glance.twin.losses import PathLength, discriminator_loss, r1_penalty
from causalxai_glance.twin.material import Independent, draw_batch
from causalxai_glance.twin.objective import Batch, Losses, Objective, Painted
from causalxai_glance.twin.twin import Twin

TERMS = (
    "reconstruction", "consistency", "adversarial", "alignment", "decorrelation", "do-cycle",
    "kept",
    "path length", "discriminator",
)  # fmt: skip
"""The columns of the training history: weighted losses, 0 where a term was not computed."""

_SHOWN: dict[Losses, tuple[str, ...]] = {
    "do-cycle": ("reconstruction", "alignment", "do-cycle", "adversarial"),
    "paper": ("reconstruction", "alignment", "discriminator", "adversarial"),
}

_Lambda = Annotated[float, Field(ge=0)]

_PATH_EVERY = 8
_R1_EVERY = 16
_R1_GAMMA = 1.0
_STEEPEST = 10.0
_MISMATCHED = 0.5
_PICTURES = 32
_TRIED = 4
_RISING = 30


class TwinConfig(PluginConfig):
    """Settings of a twin's size and training.

    Parameters
    ----------
    latents
        L, named and unnamed ones together.
    steps
        Steps of the generator; each is followed by one of the discriminator. 300 suffice for two
        concepts at 32 px, four need 750 or more, and the paper uses 15 000 to 20 000.
    batch_size
        The number of images in a step.
    learning_rate
        Adam's learning rate, for both networks.
    losses
        ``do-cycle`` requires that the values set by do() are read back from the image, and that the
        image looks like one of the data with these concepts. ``paper`` is GLANCE's own sum, under
        which intervened images move back along the data manifold.
    lambdas
        The paper's lambda_1 to lambda_4, of path length, alignment, reconstruction and the
        classifier's consistency; for ``losses: paper`` alone. By default its first set, 10, 30, 30
        and 1 (Morpho-MNIST at 32 px); the second is ``[10, 40, 80, 1]`` (AFHQ at 128 px, with a
        batch_size of 8 and a learning_rate of 2e-4).
    noise
        Sd of the noise on an embedding, as a share of each unit's own sd; the paper's .1.
    channels
        The generator's width at low resolutions; the discriminator has half of this width.
    layers
        The number of dense layers of the disentanglement block.
    ema
        The weight of the old running average of the network's weights in each step.
    precision
        ``mixed`` computes in bfloat16 what tolerates it, ``single`` nothing; ``auto`` is mixed on
        GPUs that compute in bfloat16, and single on all other devices. On a CPU with instructions
        for matrices of bfloat16 (AMX), a step in mixed precision takes three quarters of the time.
    """

    latents: int = Field(32, ge=2, le=1024)
    steps: PositiveInt = 750
    batch_size: int = Field(32, ge=4)
    learning_rate: PositiveFloat = 2e-3
    losses: Losses = "do-cycle"
    lambdas: tuple[_Lambda, _Lambda, _Lambda, _Lambda] | None = None
    noise: NonNegativeFloat = 0.1
    channels: int = Field(64, ge=2, le=1024)
    layers: int = Field(4, ge=1, le=32)
    ema: float = Field(0.98, ge=0, lt=1)
    precision: Literal["auto", "single", "mixed"] = "auto"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.lambdas is not None and self.losses != "paper":
            raise ValueError(
                f"lambdas are the weights of `losses: paper`, and losses is {self.losses!r}; leave "
                "lambdas out, or set losses to paper"
            )
        return self


def train_twin(
    classifier: Classifier,
    material: Batch,
    config: TwinConfig,
    *,
    independent: Independent | None = None,
    levels: Tensor | None = None,
    rng: torch.Generator,
    progress: Progress = SILENT,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> tuple[Twin, Tensor]:
    """Train a twin on images that the classifier has embedded.

    Parameters
    ----------
    classifier
        The classifier that the twin is distilled from; it is not changed.
    material
        All training images with their embeddings, logits and standardised concepts.
    config
        The settings.
    independent
        Images whose concepts are independent, if there are some.
    levels
        ``[k, 2]``, the latents of absence and presence to which do() sets a boolean concept; NaN
        for the others, which are set to values of N(0, 1).
    rng
        A CPU generator for all random draws, including the initial weights.

    Returns
    -------
    Twin
        The twin with averaged weights, in evaluation mode, on the classifier's device.
    Tensor
        ``[steps, len(TERMS)]``, the history.

    Raises
    ------
    DataError
        If a loss, a gradient or the trained twin's output is not finite.
    """
    training = TwinTraining(classifier, material, config, rng, levels, independent)
    training.tell_of_memory()
    remedy = f"lower learning_rate (it is {config.learning_rate:g})"
    history = training.run(config.steps, remedy=remedy, progress=progress, checkpoint=checkpoint)
    twin = training.average.eval().requires_grad_(False)
    if not _paints(twin, classifier, material.embeddings):
        raise DataError(
            f"the training of the twin broke down in step {config.steps}: its output is not "
            f"finite; {remedy}"
        )
    return twin, history


class TwinTraining(StepwiseTraining):
    """The training of a twin and its discriminator by alternating steps; see `train_twin`."""

    trains = "the twin"
    terms = TERMS

    def __init__(
        self,
        classifier: Classifier,
        material: Batch,
        config: TwinConfig,
        rng: torch.Generator,
        levels: Tensor | None = None,
        independent: Independent | None = None,
    ) -> None:
        super().__init__()
        self.classifier, self.material, self.config, self.rng = classifier, material, config, rng
        self.independent = independent
        self.device, self.shown = classifier.device, _SHOWN[config.losses]
        self.named = material.concepts.shape[1]
        # Whether concepts are set during the training.
        self.cycles = config.losses == "do-cycle" and self.named > 0
        levels = torch.full((self.named, 2), torch.nan) if levels is None else levels
        self.levels = levels.to(self.device)
        twin, discriminator = seeded(
            lambda: (
                new_twin(classifier, config),
                Discriminator(
                    classifier.image_shape,
                    channels=config.channels // 2,
                    concepts=self.named if self.cycles else 0,
                ),
            ),
            rng,
        )
        twin.begin_at(material.embeddings, mean_image(material.images))
        self.twin = twin.to(self.device)
        self.average = copy.deepcopy(self.twin)
        self.discriminator = discriminator.to(self.device)
        self.objective = Objective(
            config.losses,
            batch=config.batch_size,
            named=self.named,
            unnamed=config.latents - self.named,
            lambdas=config.lambdas,
        ).to(self.device)
        self.path_length = PathLength().to(self.device)
        self.painter = self._adam(self.twin, momentum=0.5)
        self.critic = self._adam(self.discriminator, momentum=0.0)

    def _adam(self, network: nn.Module, momentum: float) -> torch.optim.Adam:
        return torch.optim.Adam(
            network.parameters(),
            lr=self.config.learning_rate,
            betas=(momentum, 0.99),
            fused=fused_on(self.device),
        )

    @property
    def state(self) -> TrainingState:
        """The state of both networks, the averaged weights, running means and Adam's moments."""
        modules = {
            "twin": self.twin,
            "average": self.average,
            "discriminator": self.discriminator,
            "objective": self.objective,
            "path": self.path_length,
        }
        optimizers = {"painter": self.painter, "critic": self.critic}
        return TrainingState(modules, optimizers, self.rng)

    def tell_of_memory(self) -> None:
        """Warn if the pictures of a step take more memory than the run may."""

        def step(latents: Tensor) -> object:
            images = self.twin.render(latents)
            return self.classifier.embed_and_classify(images), self.discriminator(images)

        few = torch.zeros(_TRIED, self.config.latents, device=self.device)
        networks = [self.twin, self.classifier.model, self.discriminator]
        pictures = self.config.batch_size * (2 if self.named else 1)
        tell_if_too_large(
            f"the {pictures} pictures of a step of the twin's training",
            pictures * bytes_for_gradients(step, few, networks),
            "lower concepts.batch_size or concepts.channels",
        )

    def step(self, number: int) -> dict[str, float]:
        """Do one step for both networks; return the weighted losses before it."""
        for optimizer in (self.painter, self.critic):
            set_learning_rate(optimizer, self.config.learning_rate * self._share_of_rate(number))
        batch = self._draw()
        realism, losses = self._paint(batch, number)
        losses |= self._criticise(batch, realism, number)
        self._average(number)
        return losses

    def _share_of_rate(self, number: int) -> float:
        return linear_warmup(number, _RISING) * linear_decay(number / self.config.steps)

    def _draw(self) -> Batch:
        count = self.config.batch_size
        return draw_batch(self.material, self.independent, count, self.rng).to(self.device)

    def _paint(self, batch: Batch, number: int) -> tuple[Tensor, dict[str, float]]:
        """Do one step of the twin; return the discriminator's logits of all that it rendered."""
        with self._mixed_precision():
            latents = self.twin.latents(batch.embeddings + self._noise(batch.embeddings))
            units = torch.cat([latents, self._intervene(latents)]) if self.cycles else latents
            images = self.twin.render(units, self.rng)
            embeddings, logits = self.classifier.embed_and_classify(images)
            parts = [units, images, logits, self.twin.latents(embeddings)]
            realism: Tensor = self.discriminator(images, units[:, : self.named])
            parts.append(realism)
        as_seen, *intervened = _in_parts(parts, len(batch))
        terms: dict[str, Tensor] = self.objective(
            batch, as_seen, next(iter(intervened), None), number, self.config.steps
        )
        if number % _PATH_EVERY == 0:
            terms["path length"] = self._path_penalty(latents)
        # Without clipping, steep gradients of the path length penalty made short trainings diverge.
        # The graph is kept, because the discriminator learns from the same logits: its weights have
        # not changed since then.
        losses = descend(self.painter, terms, steepest=_STEEPEST, keep_graph=True)
        return realism, losses

    def _noise(self, embeddings: Tensor) -> Tensor:
        drawn = draw_rows(torch.randn, embeddings.shape, self.rng).to(embeddings)
        return self.config.noise * self.twin.scale * drawn

    def _intervene(self, latents: Tensor) -> Tensor:
        """Set one random concept of each unit, and each other concept with probability one half."""
        shape = (len(latents), self.named)
        values = values_of_do(draw_rows(torch.randn, shape, self.rng).to(latents), self.levels)
        first = draw_rows(partial(torch.randint, self.named), (len(latents), 1), self.rng)
        chosen = draw_rows(torch.rand, shape, self.rng) < 0.5
        chosen = chosen.scatter(1, first, True).to(latents.device)
        named = torch.where(chosen, values, latents[:, : self.named])
        return torch.cat([named, latents[:, self.named :]], dim=1)

    def _path_penalty(self, latents: Tensor) -> Tensor:
        some = latents[: len(latents) // 2].detach().float().requires_grad_()
        penalty: Tensor = self.path_length(self.twin.render(some, self.rng), some, self.rng)
        return self.objective.weights.path_length * _PATH_EVERY * penalty

    def _criticise(self, batch: Batch, painted: Tensor, number: int) -> dict[str, float]:
        """Do one step of the discriminator, whose logits of painted images are given.

        Notes
        -----
        Images with the concepts of other images count as painted (Reed et al., "Generative
        adversarial text to image synthesis", ICML 2016): otherwise the discriminator learns for a
        long time from the pictures alone, whether they show the concepts or not.
        """
        regularised = number % _R1_EVERY == 0
        real = batch.images[:].clone().requires_grad_(regularised)
        # Second derivatives are not computed in half precision.
        with self._mixed_precision(not regularised):
            realism = self.discriminator(real, batch.concepts)
            loss = discriminator_loss(realism, painted)
            if self.cycles:
                others = batch.concepts.roll(1, dims=0)
                loss = loss + _MISMATCHED * F.softplus(self.discriminator(real, others)).mean()
        if regularised:
            loss = loss + _R1_GAMMA / 2 * _R1_EVERY * r1_penalty(realism, real)
        return descend(self.critic, {"discriminator": loss})

    @torch.no_grad()
    def _average(self, number: int) -> None:
        # The average is short at first, so that the initial weights soon lose their influence.
        kept = min(self.config.ema, (1 + number) / (10 + number))
        average = get_ema_multi_avg_fn(kept)
        average(list(self.average.parameters()), list(self.twin.parameters()), number)

    def _mixed_precision(self, wanted: bool = True) -> AbstractContextManager[None]:
        chosen = self.config.precision
        half = wanted and (chosen == "mixed" or (chosen == "auto" and _has_bfloat16(self.device)))
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)


def new_twin(classifier: Classifier, config: TwinConfig) -> Twin:
    """Return an untrained twin for a classifier, on the CPU."""
    return Twin(
        classifier.head.width,
        classifier.image_shape,
        latents=config.latents,
        channels=config.channels,
        layers=config.layers,
    )


@torch.no_grad()
def _paints(twin: Twin, classifier: Classifier, embeddings: Tensor) -> bool:
    """Return whether all latents, and the readings of a few reconstructions, are finite."""
    latents = twin.latents(embeddings.to(classifier.device))
    readback = twin.latents(classifier.embed(twin.render(latents[:_PICTURES])))
    # Squares must be finite as well, because later stages divide by the latents' sd.
    return all(bool(torch.isfinite(each.square().sum())) for each in (latents, readback))


def _has_bfloat16(device: torch.device) -> bool:
    """Return whether a device supports bfloat16 natively; emulation would be slower."""
    if device.type != "cuda":
        return False
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _in_parts(tensors: Sequence[Tensor], rows: int) -> list[Painted]:
    """Split a joint batch into the reconstructions and the intervened units."""
    parts = [tensor.split(rows) for tensor in tensors]
    return [
        Painted(latents, images.float(), logits, readback, realism)
        for latents, images, logits, readback, realism in zip(*parts, strict=True)
    ]
