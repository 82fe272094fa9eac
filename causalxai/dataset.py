"""Data sets: images, labels and, where somebody knows them, concepts and their true graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from causalxai.errors import DataError
from causalxai.graph import CausalGraph
from causalxai.plugin import Plugin
from causalxai.progress import SILENT, Progress

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Some labelled images.

    Parameters
    ----------
    images
        ``[n, c, h, w]``, float32 in [0, 1].
    labels
        ``[n]``, int64 class indices.
    concepts
        ``[n, m]``, floats: what was measured of ``concept_names``; ``None`` if unknown.
    set_concepts
        ``[n, m]``, floats: what the images were drawn to have; ``None`` if nobody drew them.
    groups
        ``[n]``, int64: images with the same number show the same individual, and must not be
        parted between what is learned from and what is tested on; ``None`` if all differ.
    """

    images: Tensor
    labels: Tensor
    concepts: Tensor | None = None
    set_concepts: Tensor | None = None
    groups: Tensor | None = None

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, rows: slice | Tensor) -> Split:
        optional = (self.concepts, self.set_concepts, self.groups)
        kept = (None if tensor is None else tensor[rows] for tensor in optional)
        return Split(self.images[rows], self.labels[rows], *kept)


@dataclass(frozen=True)
class Dataset:
    """A training and a held-out split of the same classes.

    Parameters
    ----------
    train, test
        What classifiers and concept spaces learn from, and what is explained and scored.
    class_names
        ``K`` names, in the order of the class indices.
    concept_names
        Names of the columns of ``Split.concepts``, each another one.
    graph
        The true causal graph over ``concept_names``, where it is known.
    reference
        Images whose concepts are independent of one another, each with the values that it has in
        ``train``: what a read-out must be learned on, lest it reads one concept in another.
    """

    train: Split
    test: Split
    class_names: tuple[str, ...]
    concept_names: tuple[str, ...] = ()
    graph: CausalGraph | None = None
    reference: Split | None = None

    def __post_init__(self) -> None:
        splits = {"train": self.train, "test": self.test}
        if self.reference is not None:
            splits["reference"] = self.reference
        if twice := [name for name, count in Counter(self.concept_names).items() if count > 1]:
            raise DataError(f"concept names are unique; there are two or more of {twice[0]!r}")
        for name, split in splits.items():
            _check_images(name, split, len(self.class_names))
            _check_concepts(name, split, self.concept_names)
            if split.images.shape[1:] != self.train.images.shape[1:]:
                raise DataError(
                    f"train images are {list(self.train.images.shape[1:])}, "
                    f"{name} images {list(split.images.shape[1:])}"
                )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        c, h, w = self.train.images.shape[1:]
        return int(c), int(h), int(w)


def _check_images(name: str, split: Split, classes: int) -> None:
    if not len(split):
        raise DataError(f"the {name} split has no image")
    if split.images.dim() != 4 or len(split.labels) != len(split):
        raise DataError(
            f"{name}: images are [n, c, h, w] with n labels, not "
            f"{list(split.images.shape)} with {len(split.labels)}"
        )
    low, high = float(split.images.min()), float(split.images.max())
    if not (0 <= low <= high <= 1):
        raise DataError(f"{name}: images lie in [0, 1], not in [{low:g}, {high:g}]")
    if int(split.labels.min()) < 0 or int(split.labels.max()) >= classes:
        raise DataError(f"{name}: labels are 0 to {classes - 1}")
    if split.groups is not None and len(split.groups) != len(split):
        raise DataError(f"{name}: {len(split.groups)} groups for {len(split)} images")


def _check_concepts(name: str, split: Split, names: tuple[str, ...]) -> None:
    for kind, values in {"concepts": split.concepts, "set_concepts": split.set_concepts}.items():
        if values is None:
            continue
        if values.dim() != 2 or len(values) != len(split):
            raise DataError(
                f"{name}: {kind} are [n, m] with a row for each of {len(split)} images, not "
                f"{list(values.shape)}"
            )
        if not values.is_floating_point():
            raise DataError(f"{name}: {kind} are floats, not {values.dtype}; .float() makes them")
        if values.shape[1] not in (0, len(names)):
            raise DataError(f"{name}: {values.shape[1]} {kind}, but {len(names)} names")


class DatasetSource(Plugin, ABC):
    """Where a data set comes from: a file, a folder, a renderer."""

    @abstractmethod
    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Read or make the data.

        Raises
        ------
        DataError
            If files are missing or damaged; the message names them.
        """


def some_of_each_class(target: Tensor, most: int, among: Iterable[int] | None = None) -> list[int]:
    """Return which images to show; classes take turns, by the classes and then by the images.

    Parameters
    ----------
    target
        ``[n]``, the class of each image.
    most
        How many, at most.
    among
        Which images there are to choose from; all of them unless given.
    """
    by_class: dict[int, list[int]] = defaultdict(list)
    for image in range(len(target)) if among is None else sorted(among):
        by_class[int(target[image])].append(image)
    classes = [by_class[klass] for klass in sorted(by_class)]
    turns = (image for turn in zip_longest(*classes) for image in turn if image is not None)
    return sorted(islice(turns, most), key=lambda image: (int(target[image]), image))
