"""Data sets: images, labels and, where somebody knows them, concepts and their true graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
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
        ``[n, m]``, measured values of the data set's ``concept_names``; ``None`` if unknown.
    set_concepts
        ``[n, m]``, the values that the images were drawn to have; ``None`` if nobody drew them.
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
        Names of the columns of ``Split.concepts``.
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
        for name, split in splits.items():
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
            if int(split.labels.min()) < 0 or int(split.labels.max()) >= len(self.class_names):
                raise DataError(f"{name}: labels are 0 to {len(self.class_names) - 1}")
            if split.groups is not None and len(split.groups) != len(split):
                raise DataError(f"{name}: {len(split.groups)} groups for {len(split)} images")
            width = 0 if split.concepts is None else split.concepts.shape[1]
            if width not in (0, len(self.concept_names)):
                raise DataError(f"{name}: {width} concepts, but {len(self.concept_names)} names")
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
