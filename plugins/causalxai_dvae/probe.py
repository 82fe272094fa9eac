"""Attribute probes: what a picture shows of the attributes that a data set labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError, DataError, did_you_mean
from causalxai.progress import SILENT, Progress

_BLURS = (1, 2, 4)  # pictures shrunk by these factors and enlarged again


class ProbeConfig(BaseModel):
    """How attribute probes are trained.

    Parameters
    ----------
    steps, batch_size, learning_rate
        Of Adam, its rate falling along a cosine to zero.
    channels
        Filters of the first convolution.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: PositiveInt = 400
    batch_size: PositiveInt = 64
    learning_rate: PositiveFloat = 2e-3
    channels: PositiveInt = 16


@dataclass(frozen=True)
class AttributeProbe:
    """Reads attributes off pictures.

    Parameters
    ----------
    network
        Maps images ``[n, c, h, w]`` to ``[n, m]``: logits of boolean attributes, standardised
        values of the others.
    names
        The ``m`` attributes.
    boolean
        ``[m]``, which of them are boolean.
    held_out
        ``[m]``, accuracy (boolean) or R² (others) on images that it has not seen.
    """

    network: nn.Module
    names: tuple[str, ...]
    boolean: Tensor
    held_out: Tensor

    @torch.no_grad()
    def read(self, images: Tensor, *, batch_size: int = 512) -> Tensor:
        """Return ``[n, m]``: probabilities of boolean attributes, sds of the others."""
        seen = torch.cat([self.network(batch) for batch in torch.split(images, batch_size)])
        return torch.where(self.boolean, seen.sigmoid(), seen)

    def column(self, attribute: str) -> int:
        """Return the place of an attribute.

        Raises
        ------
        CapabilityError
            If there is none of that name.
        """
        if attribute not in self.names:
            raise CapabilityError(
                f"the data set labels no {attribute!r}{did_you_mean(attribute, self.names)} "
                f"(it labels: {', '.join(self.names)})"
            )
        return self.names.index(attribute)


def train_probe(
    dataset: Dataset,
    config: ProbeConfig,
    *,
    device: torch.device,
    rng: torch.Generator,
    progress: Progress = SILENT,
) -> AttributeProbe:
    """Train a small network to read the data set's concepts off its images.

    It learns from ``dataset.reference`` where there is one: on images whose attributes go
    together, a probe reads one attribute in another. Every other picture is blurred, for a
    generator's pictures are.

    Raises
    ------
    CapabilityError
        If the data set labels no concepts.
    DataError
        If the training breaks down.
    """
    source = dataset.reference if dataset.reference is not None else dataset.train
    if source.concepts is None or not dataset.concept_names:
        raise CapabilityError("attribute probes need labels of concepts; the data set has none")
    order = torch.randperm(len(source), generator=rng)
    held, seen = order.tensor_split([len(order) // 10])
    values = source.concepts.float()
    boolean = ((values == 0) | (values == 1)).all(dim=0)
    centre = torch.where(boolean, torch.zeros(()), values.mean(dim=0))
    spread = torch.where(boolean, torch.ones(()), values.std(dim=0).clamp(min=1e-6))
    learned = Split(source.images, source.labels, (values - centre) / spread)
    network = _seeded_network(dataset.image_shape, len(boolean), config, rng).to(device)
    _train(network, learned[seen], boolean.to(device), config, rng, progress)
    probe = AttributeProbe(
        network.eval().requires_grad_(False),
        dataset.concept_names,
        boolean.to(device),
        torch.empty(0),
    )
    rest = learned[held]
    assert rest.concepts is not None
    quality = _held_out(probe.read(rest.images.to(device)).cpu(), rest.concepts, boolean)
    return AttributeProbe(probe.network, probe.names, probe.boolean, quality)


def _seeded_network(
    image_shape: tuple[int, int, int], outputs: int, config: ProbeConfig, rng: torch.Generator
) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**62, (1,), generator=rng)))
        c, width = image_shape[0], config.channels
        return nn.Sequential(
            nn.Conv2d(c, width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(2 * width * 16, outputs),
        )


def _train(
    network: nn.Module,
    split: Split,
    boolean: Tensor,
    config: ProbeConfig,
    rng: torch.Generator,
    progress: Progress,
) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    assert split.concepts is not None
    with progress.task("train attribute probes", config.steps) as advance:
        for _ in range(config.steps):
            rows = torch.randint(len(split), (config.batch_size,), generator=rng)
            blur = _BLURS[int(torch.randint(len(_BLURS), (1,), generator=rng))]
            images = _blurred(split.images[rows].to(boolean.device), blur)
            wanted, seen = split.concepts[rows].to(boolean.device), network(images)
            one_by_one = torch.where(
                boolean,
                functional.binary_cross_entropy_with_logits(
                    seen, wanted.clamp(0, 1), reduction="none"
                ),
                (seen - wanted).square(),
            )
            loss = one_by_one.mean()
            if not bool(torch.isfinite(loss)):
                raise DataError("the attribute probes' loss is not finite; lower learning_rate")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            advance(1)


def _blurred(images: Tensor, factor: int) -> Tensor:
    if factor == 1:
        return images
    small = functional.avg_pool2d(images, factor, ceil_mode=True)
    return functional.interpolate(
        small, size=images.shape[2:], mode="bilinear", align_corners=False
    )


def _held_out(read: Tensor, values: Tensor, boolean: Tensor) -> Tensor:
    accuracy = ((read > 0.5) == (values > 0.5)).float().mean(dim=0)
    unexplained = (read - values).square().mean(dim=0) / values.var(dim=0, correction=0)
    return torch.where(boolean, accuracy, 1 - unexplained)
