"""The images that a twin is trained on, with what the classifier makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.dataset import Split
from causalxai.memory import tell_if_too_large
from causalxai.training.data_parallel import own_rows
from causalxai_glance.twin.objective import Batch

_COPIES, _BYTES = 3, 4


_HALF = 0.5


@dataclass(frozen=True)
class Independent:
    """Images whose concepts are independent, of which a part of each batch is drawn.

    Without them, the picture of a concept that is changed alone resembles no image that a twin, or
    its adversary, has seen.

    Parameters
    ----------
    images
        Reference images, or all images with weights.
    share
        Their share of a batch.
    weights
        ``[n]``, with what frequency each image is drawn; ``None`` for the same.
    """

    images: Batch
    share: float
    weights: Tensor | None = None

    @classmethod
    def of_references(cls, references: Batch, among: int) -> Self:
        """Draw half of a batch, unless a reference image were then seen more often than another.

        Parameters
        ----------
        references
            The reference images.
        among
            The number of training images.
        """
        return cls(references, min(_HALF, len(references) / among))

    @classmethod
    def weighted(cls, images: Batch, weights: Tensor) -> Self:
        """Draw half of a batch by weights ``[n]`` under which concepts are independent."""
        return cls(images, _HALF, weights)

    def rows(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw rows of the images, ``[count]``, with replacement."""
        if self.weights is None:
            return torch.randint(len(self.images), (count,), generator=rng)
        return torch.multinomial(self.weights, count, replacement=True, generator=rng)


def draw_batch(
    material: Batch, independent: Independent | None, count: int, rng: torch.Generator
) -> Batch:
    """Draw a batch of all images and of those whose concepts are independent, if there are some."""
    few = 0 if independent is None else int(count * independent.share)
    rows, own = (
        torch.randint(len(material), (count - few,), generator=rng),
        own_rows(torch.arange(count)),
    )
    batch = material[rows[own[own < count - few]]]
    if independent is None or few == 0:
        return batch
    others = independent.rows(few, rng)[own[own >= count - few] - (count - few)]
    return Batch.joined([batch, independent.images[others]])


def material_of(split: Split, concepts: Tensor, classifier: Classifier) -> Batch:
    """Return images with the classifier's embeddings and logits.

    Parameters
    ----------
    split
        The images.
    concepts
        ``[n, k]``, the named concepts, standardised.
    classifier
        The classifier that the twin is distilled from.
    """
    tell_if_too_large(
        "the embeddings of the training images",
        _COPIES * _BYTES * len(split) * classifier.head.width,
        "take fewer training images",
    )
    embeddings = classifier.embed(split.images)
    logits = classifier.head.logits(embeddings)
    return Batch(split.images, embeddings.cpu(), logits.detach().cpu(), concepts)
