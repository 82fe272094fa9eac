"""Data sets: images, labels and, where they are known, concepts and their true causal graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import TYPE_CHECKING
from unicodedata import category

from causalxai.errors import CapabilityError, DataError, did_you_mean
from causalxai.graph import CausalGraph
from causalxai.plugin import Plugin
from causalxai.progress import SILENT, Progress

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_NAMED = 20
"""The most classes that a message names."""


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
        ``[n, m]``, floats: the measured values of ``Dataset.concept_names``; ``None`` if unknown.
        Float64 keeps numbers such as dates, of which float32 would lose digits.
    set_concepts
        ``[n, m]``, floats: the values with which the images were rendered; ``None`` if they were
        not rendered.
    groups
        ``[n]``, int64: images with the same number show the same individual and must not be
        divided between training and test images; ``None`` if all individuals differ.
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
        The images that classifiers and concept spaces learn from, and those that are explained
        and scored.
    class_names
        ``K`` names, in the order of the class indices.
    concept_names
        Unique names of the columns of ``Split.concepts``. Any text will do that can be printed and
        stored in a file.
    graph
        The true causal graph over ``concept_names``, where it is known.
    reference
        Images whose concepts are independent of one another, while each concept has the same
        distribution as in ``train``. A read-out must be learned on such images; otherwise it can
        predict one concept from another.
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
        _check_names("concept", self.concept_names)
        _check_names("class", self.class_names)
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


class DatasetDependent(Plugin):
    """A part whose settings fit some data sets and not others, such as one that names a class."""

    def check_dataset(self, dataset: Dataset) -> None:
        """Check that the data set has what the part needs of it with its settings.

        The pipeline calls this before any training, so that a mistake costs no time. By default,
        every data set will do.

        Raises
        ------
        CapabilityError, DataError
            If it does not have it; the message names the setting.
        """


def class_index(name: str, class_names: Sequence[str], setting: str) -> int:
    """Return the index of the class whose name a setting contains.

    Raises
    ------
    CapabilityError
        If there is no such class; the message names the setting.
    """
    if name in class_names:
        return class_names.index(name)
    more = ", …" * (len(class_names) > _NAMED)
    raise CapabilityError(
        f"{setting}: there is no class {name!r}{did_you_mean(name, class_names)} "
        f"(there are: {', '.join(class_names[:_NAMED])}{more})"
    )


def _check_names(kind: str, names: tuple[str, ...]) -> None:
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"{kind} names must be unique; {twice[0]!r} occurs more than once")
    for number, name in enumerate(names):
        if not name.strip():
            raise DataError(f"{kind} names must not be blank, as that of {kind} {number} is")
        if unfit := [sign for sign in name if _cannot_be_stored(sign)]:
            raise DataError(
                f"the {kind} name {name!r} has the character {unfit[0]!r}, which no text can show"
            )


def _cannot_be_stored(sign: str) -> bool:
    """Return whether a character is a control character, or is left out of Unicode's texts."""
    return sign not in "\n\t" and (category(sign) in ("Cc", "Cs") or sign in "\ufffe\uffff")


def _check_images(name: str, split: Split, classes: int) -> None:
    if not len(split):
        raise DataError(f"the {name} split has no images")
    if split.images.dim() != 4 or len(split.labels) != len(split):
        raise DataError(
            f"{name}: images must be [n, c, h, w] with n labels, not "
            f"{list(split.images.shape)} with {len(split.labels)}"
        )
    low, high = float(split.images.min()), float(split.images.max())
    if not (0 <= low <= high <= 1):
        raise DataError(f"{name}: images must lie in [0, 1], not in [{low:g}, {high:g}]")
    if int(split.labels.min()) < 0 or int(split.labels.max()) >= classes:
        raise DataError(f"{name}: labels must be from 0 to {classes - 1}")
    if split.groups is not None and len(split.groups) != len(split):
        raise DataError(f"{name}: {len(split.groups)} groups for {len(split)} images")


def _check_concepts(name: str, split: Split, names: tuple[str, ...]) -> None:
    for kind, values in {"concepts": split.concepts, "set_concepts": split.set_concepts}.items():
        if values is None:
            continue
        if values.dim() != 2 or len(values) != len(split):
            raise DataError(
                f"{name}: {kind} must be [n, m] with a row for each of {len(split)} images, not "
                f"{list(values.shape)}"
            )
        if not values.is_floating_point():
            raise DataError(
                f"{name}: {kind} must be floats, not {values.dtype}; convert them with .float()"
            )
        if values.shape[1] not in (0, len(names)):
            raise DataError(f"{name}: {values.shape[1]} {kind}, but {len(names)} names")


class DatasetSource(Plugin, ABC):
    """The source of a data set: a file, a folder or a renderer."""

    @abstractmethod
    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Read or generate the data.

        Raises
        ------
        DataError
            If files are missing or damaged; the message names them.
        """


def some_of_each_class(target: Tensor, most: int, among: Iterable[int] | None = None) -> list[int]:
    """Return which images to show, taking turns between the classes; sorted by class and index.

    Parameters
    ----------
    target
        ``[n]``, the class of each image.
    most
        The maximum number of images.
    among
        The indices of the images to choose from; all images by default.
    """
    by_class: dict[int, list[int]] = defaultdict(list)
    for image in range(len(target)) if among is None else sorted(among):
        by_class[int(target[image])].append(image)
    classes = [by_class[klass] for klass in sorted(by_class)]
    turns = (image for turn in zip_longest(*classes) for image in turn if image is not None)
    return sorted(islice(turns, most), key=lambda image: (int(target[image]), image))
