"""How much of a layer its factors make up, on held-out images, beside what chance makes up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.dataset import Split
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.metric import Estimate
from causalxai.seeding import numpy_generator
from causalxai.storage.record import Json
from causalxai_activations.factorisation import coefficients
from causalxai_activations.nonnegative_layer import NonNegativeLayer

_MOST = 256
_AT_ONCE = 32


@dataclass(frozen=True)
class FactorQuality:
    """Measures on held-out images.

    Parameters
    ----------
    error
        The length of what the factors do not make up, as a share of the activations' length; the
        mean over images.
    shuffled_error
        The same with factors whose channels are shuffled, each by itself.
    agreement
        The share of images for which the network predicts the same class when the layer holds
        nothing but what the factors make up.
    shuffled_agreement
        The same with the shuffled factors.
    chance
        The share of images of the class that is predicted most often.
    """

    error: Estimate
    shuffled_error: Estimate
    agreement: Estimate
    shuffled_agreement: Estimate
    chance: float

    @property
    def n(self) -> int:
        """The number of images."""
        return self.agreement.n

    def to_json(self) -> dict[str, Json]:
        """Return plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Undo ``to_json``."""
        names = ("error", "shuffled_error", "agreement", "shuffled_agreement")
        return cls(chance=data["chance"], **{name: Estimate(**data[name]) for name in names})


def measure_factors(
    classifier: Classifier,
    layer: NonNegativeLayer,
    factors: Tensor,
    held_out: Split,
    rng: torch.Generator,
) -> FactorQuality:
    """Measure factors ``[k, c]`` of a layer on at most 256 held-out images, evenly spaced."""
    shuffled = torch.stack([row[torch.randperm(len(row), generator=rng)] for row in factors.cpu()])
    dictionaries = [factors, shuffled.to(factors)]
    rows = evenly_spaced_rows(len(held_out), _MOST)
    errors: list[list[Tensor]] = [[], []]
    same: list[list[Tensor]] = [[], []]
    predicted = []
    for some in rows.split(_AT_ONCE):
        activations = _read(layer, held_out.images[some].to(classifier.device))
        own = _logits(layer, activations).argmax(dim=1)
        predicted.append(own.cpu())
        for place, dictionary in enumerate(dictionaries):
            made = coefficients(activations, dictionary) @ dictionary
            lengths = activations.flatten(1).norm(dim=1)
            missed = (activations - made).flatten(1).norm(dim=1)
            errors[place].append((missed / lengths)[lengths > 0].cpu())
            same[place].append((_logits(layer, made).argmax(dim=1) == own).cpu())
    random = numpy_generator(rng)
    error, shuffled_error = (
        Estimate.mean(torch.cat(some).double().numpy(), random, bounds=(0.0, None))
        for some in errors
    )
    agreement, shuffled_agreement = (Estimate.share(torch.cat(some).numpy()) for some in same)
    chance = float(torch.cat(predicted).bincount().max()) / len(rows)
    return FactorQuality(error, shuffled_error, agreement, shuffled_agreement, chance)


@torch.no_grad()
def _read(layer: NonNegativeLayer, images: Tensor) -> Tensor:
    """Return the activations with the channels last, ``[n, h, w, c]``."""
    return layer.activations(images).movedim(1, -1)


@torch.no_grad()
def _logits(layer: NonNegativeLayer, activations: Tensor) -> Tensor:
    return layer.logits(activations.movedim(-1, 1))
