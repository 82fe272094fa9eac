"""Selects the images that are explained, and the class for which each is explained."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.config import ImageSelection
from causalxai.dataset import Dataset, class_index
from causalxai.errors import CapabilityError
from causalxai.live.images import GivenImages
from causalxai.pipeline.targets import LABEL, PREDICTED, target_of

_NAMED = 20
"""The most classes that a warning names."""

_logger = logging.getLogger(__name__)


def images_of(
    images: ImageSelection | GivenImages,
    classifier: Classifier,
    dataset: Dataset,
    rng: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return the images of a spec and the class that is explained for each; see select_images."""
    if isinstance(images, ImageSelection):
        return select_images(images, classifier, dataset, rng)
    given = images.need()
    predicted = classifier.predict(given).cpu()
    if images.target not in (None, PREDICTED):
        return given, _explained(images.target, given, classifier, predicted, images.labels)
    if images.labels is not None and (wrong := int((predicted != images.labels.cpu()).sum())):
        _logger.warning(
            "images: %d of the %d are not classified as they are labelled; what is explained is "
            "the class that the network predicts",
            wrong,
            len(given),
        )
    return given, predicted


def _explained(
    target: object, images: Tensor, classifier: Classifier, predicted: Tensor, labels: Tensor | None
) -> Tensor:
    """Return the class that is explained for each image, ``[n]``, as a setting says it."""
    if target == PREDICTED:
        return predicted
    if target == LABEL:
        if labels is None:
            raise CapabilityError(
                "images.target: the labels of these images are not known; give a Split, or the "
                "class's index or name"
            )
        return labels.cpu()
    return target_of(target, images, classifier, "images.target")


def select_images(
    selection: ImageSelection, classifier: Classifier, dataset: Dataset, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw the images that the spec selects, spread evenly over the classes.

    A warning says if there are fewer suitable images than requested, and which classes get none.

    Returns
    -------
    tuple
        The images ``[n, c, h, w]`` and the class that is explained for each, ``[n]``; both on
        the CPU, in the order of the classes.

    Raises
    ------
    CapabilityError
        If a class is unknown, or no image is suitable.
    """
    split = dataset.train if selection.split == "train" else dataset.test
    wanted = tuple(dict.fromkeys(selection.classes or dataset.class_names))
    indices = [class_index(name, dataset.class_names, "images.classes") for name in wanted]
    predicted = classifier.predict(split.images).cpu()
    correct = predicted == split.labels
    fits = {"correct": correct, "errors": ~correct, "any": torch.ones_like(correct)}[selection.only]
    suitable = [(fits & (split.labels == index)).nonzero()[:, 0] for index in indices]
    chosen = _spread(suitable, selection.count, rng)
    if not any(map(len, chosen)):
        # There are fewer images than classes, and the first classes have none that fit.
        found = iter(_spread([rows for rows in suitable if len(rows)], selection.count, rng))
        chosen = [next(found) if len(rows) else rows for rows in suitable]
    rows = torch.cat(chosen)
    if not len(rows):
        raise CapabilityError(f"images: no {selection.split} image fits only: {selection.only}")
    _warn_of_gaps(selection, wanted, [len(rows_of_class) for rows_of_class in chosen])
    images = split.images[rows]
    classes = _explained(selection.target, images, classifier, predicted[rows], split.labels[rows])
    return images, classes


def _spread(suitable: Sequence[Tensor], count: int, rng: torch.Generator) -> list[Tensor]:
    """Draw rows of each class, ``count`` together, and as many of each as its turn allows."""
    return [
        rows[torch.randperm(len(rows), generator=rng)][: len(range(turn, count, len(suitable)))]
        for turn, rows in enumerate(suitable)
    ]


def _warn_of_gaps(selection: ImageSelection, classes: Sequence[str], counts: Sequence[int]) -> None:
    if sum(counts) < selection.count:
        _logger.warning(
            "images: %d of the %d asked for: some classes have no more in %s that fit only: %s",
            sum(counts),
            selection.count,
            selection.split,
            selection.only,
        )
    without = [name for name, count in zip(classes, counts, strict=True) if not count]
    if without:
        _logger.warning(
            "images: %d of %d classes get none of the %d images: %s",
            len(without),
            len(classes),
            sum(counts),
            ", ".join(without[:_NAMED]) + ", …" * (len(without) > _NAMED),
        )
