"""Measures of the generator's pictures on test images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import repeat
from typing import Self, cast

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.errors import DataError
from causalxai.image_data.lazy import Images, batches
from causalxai.memory import rows_that_fit
from causalxai.network.hidden_layer import HiddenLayer
from causalxai.network.working_memory import bytes_at_widest
from causalxai.storage.record import Json
from causalxai_dvae.autoencoder import DiscreteAutoencoder
from causalxai_dvae.complement import ComplementedCode
from causalxai_dvae.fisher_overlap import shared_information
from causalxai_dvae.generator import Generator

_INFORMED, _SAMPLES = 500, 8


@dataclass(frozen=True)
class PictureQuality:
    """Measures of a generator on images that it was not trained on.

    Parameters
    ----------
    n
        The number of images.
    reconstruction, mean_image
        Mean squared error of g(phi'), and of the training images' mean.
    agreement, agreement_flipped
        Share of images for which the classifier's prediction for the picture g(phi') is that of its
        rest for phi'; the same with psi = decode(1 - z).
    chance, chance_flipped
        The same shares with the picture of another image.
    shared_information, shared_by_chance
        Mean cosine between the functional Fisher information of g at phi' and that of the
        classifier's rest at phi, and with the coordinates of one shuffled; of 500 images at most,
        drawn from all.
    """

    n: int
    reconstruction: float
    mean_image: float
    agreement: float
    agreement_flipped: float
    chance: float
    chance_flipped: float
    shared_information: float
    shared_by_chance: float

    def to_json(self) -> dict[str, Json]:
        """Return plain values."""
        return cast("dict[str, Json]", asdict(self))

    @classmethod
    def from_json(cls, record: dict[str, Json]) -> Self:
        """Undo ``to_json``."""
        return cls(**record)  # type: ignore[arg-type]


def measure_pictures(
    generator: Generator,
    autoencoder: DiscreteAutoencoder,
    layer: HiddenLayer,
    classifier: Classifier,
    *,
    activations: Tensor,
    images: Images,
    mean_image: Tensor,
    rng: torch.Generator,
) -> PictureQuality:
    """Measure a generator, in batches of some hundred images.

    Parameters
    ----------
    generator, autoencoder, layer, classifier
        On one device.
    activations, images
        ``[n, d]`` and ``[n, c, h, w]``, not used for training.
    mean_image
        ``[c, h, w]``, the mean of the images on which the generator was trained.
    rng
        Draws for the estimate of the shared information and the shuffles of chance levels.

    Raises
    ------
    DataError
        If the generator's pictures are not finite.
    """
    decoded = ComplementedCode.of(autoencoder, layer, activations)
    predicted, predicted_flipped = decoded.classes_kept.cpu(), decoded.classes_flipped.cpu()
    size = rows_that_fit(
        bytes_at_widest(generator, decoded.kept[:1]), classifier.images_at_once(images)
    )
    seen, seen_flipped = (
        torch.cat([classifier.predict(some).cpu() for some in _painted(generator, phi, size)])
        for phi in (decoded.kept, decoded.flipped)
    )
    others = torch.randperm(len(images), generator=rng)
    # A random subset, because images may be sorted by class.
    some = torch.randperm(len(images), generator=rng)[:_INFORMED].to(activations.device)
    information = shared_information(
        generator, layer, autoencoder, activations[some], rng=rng, samples=_SAMPLES
    )
    return PictureQuality(
        n=len(images),
        reconstruction=_error(_painted(generator, decoded.kept, size), batches(images, size)),
        mean_image=_error(repeat(mean_image), batches(images, size)),
        agreement=_share(seen == predicted),
        agreement_flipped=_share(seen_flipped == predicted_flipped),
        chance=_share(seen[others] == predicted),
        chance_flipped=_share(seen_flipped[others] == predicted_flipped),
        shared_information=information.cosine(),
        shared_by_chance=information.by_chance(),
    )


@torch.no_grad()
def _painted(generator: Generator, phi: Tensor, size: int) -> Iterator[Tensor]:
    """Yield the pictures of activations in batches, on the CPU; DataError if one is not finite."""
    for some in phi.split(size):
        pictures = generator.paint(some).cpu()
        if not bool(torch.isfinite(pictures).all()):
            raise DataError(
                "the generator's pictures of test images are not finite: lower "
                "concepts.generator.learning_rate"
            )
        yield pictures


def _error(pictures: Iterable[Tensor], images: Iterable[Tensor]) -> float:
    """Return the mean squared error over all pixels of batches."""
    squares, count = 0.0, 0
    for painted, some in zip(pictures, images, strict=False):
        squares += float((painted - some.cpu()).double().square().sum())
        count += some.numel()
    return squares / count


def _share(hits: Tensor) -> float:
    return float(hits.double().mean())
