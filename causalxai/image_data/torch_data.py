"""Reads PyTorch's data sets and loaders of (image, label) or (image, label, concepts)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from causalxai.errors import DataError
from causalxai.image_data.lazy import LazyImages, fits_in_memory
from causalxai.image_data.split import DatasetParts, Split
from causalxai.image_data.tensors import concepts_of, divided, images_of, labels_of, named
from causalxai.progress import SILENT, Progress

_READ_TWICE = 4


def parts_of_torch(
    train: Any,
    test: Any,
    class_names: Sequence[str] | None,
    concept_names: Sequence[str],
    test_fraction: float,
    rng: torch.Generator,
    progress: Progress = SILENT,
) -> DatasetParts:
    """Return the parts of a data set; without ``test``, a share of each class is drawn for it.

    Raises
    ------
    DataError
        If there are no names of classes, an item is no (image, label), images are of different
        sizes, or they would take too much memory and cannot be read again.
    """
    known = _own_classes(train) if class_names is None else class_names
    if known is None:
        raise DataError("class_names is missing, and the data set has no 'classes' of its own")
    names = named(known)
    first = _split(train, names, "the data set" if test is None else "train", progress)
    if test is None:
        return divided(first, names, concept_names, test_fraction, rng)
    second = _split(test, names, "test", progress)
    return DatasetParts(first, second, names, tuple(concept_names), held_out=True)


@dataclass(frozen=True)
class ItemReader:
    """Reads the images of a data set that can be indexed.

    Parameters
    ----------
    items
        The data set.
    where
        Its name in messages.
    """

    items: Any
    where: str

    def __call__(self, numbers: list[int]) -> Tensor:
        """Return ``[k, c, h, w]``; DataError if an image is not in [0, 1]."""
        return images_of([self.items[number][0] for number in numbers], self.where, tell=False)


@dataclass
class _Collected:
    """What was collected of the items until now; images only as long as they fit into memory."""

    images: list[Tensor] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    concepts: list[Any] = field(default_factory=list)
    total: Any = field(default_factory=hashlib.sha256)
    fit: bool = True

    def add(self, image: Tensor, label: Any, concepts: Any) -> None:
        """Add an item; of the image only the digest, if there is no room for it."""
        self.labels.append(label.tolist() if isinstance(label, Tensor) else label)
        if concepts is not None:
            self.concepts.append(torch.as_tensor(concepts).tolist())
        self.total.update(image.contiguous().numpy().tobytes())
        self.fit = self.fit and fits_in_memory(len(self.labels), (1, 1, math.prod(image.shape)))
        if self.fit:
            self.images.append(image)
        else:
            self.images.clear()


def _split(data: Any, class_names: tuple[str, ...], where: str, progress: Progress) -> Split:
    found = _Collected()
    inner: Any = data.dataset if isinstance(data, DataLoader) else data
    count = len(inner) if hasattr(inner, "__len__") else None
    shape: tuple[int, int, int] = (0, 0, 0)
    with progress.task(f"read {where}", count) as advance:
        for image, label, concepts in _items(data, where):
            found.add(image, label, concepts)
            advance(1)
            if len(found.labels) == 1:
                c, h, w = images_of(image[None], where).shape[1:]
                shape = (c, h, w)
            if not found.fit and not _can_be_read_again(data):
                raise DataError(
                    f"{where}: the images do not fit into memory; give the data set itself in the "
                    "place of its loader, so that images can be read when they are needed"
                )
    if not found.labels:
        raise DataError(f"{where}: has no images")
    if found.concepts and len(found.concepts) != len(found.labels):
        raise DataError(f"{where}: some items have concepts and others have none")
    labels = labels_of(found.labels, class_names, where)
    concepts = concepts_of(found.concepts, where) if found.concepts else None
    if found.fit:
        return Split(images_of(found.images, where, tell=False), labels, concepts)
    reader = ItemReader(data, where)
    _require_the_same_twice(reader, min(_READ_TWICE, len(labels)), where)
    numbers = torch.arange(len(labels))
    return Split(LazyImages(reader, shape, numbers, found.total.hexdigest()), labels, concepts)


def _items(data: Any, where: str) -> Iterator[tuple[Tensor, Any, Any]]:
    """Yield image, label and concepts, or ``None``, of each item."""
    if isinstance(data, DataLoader):
        for batch in data:
            parts = _parts(batch, where)
            yield from (
                _parts(tuple(part[row] for part in parts if part is not None), where)
                for row in range(len(parts[1]))
            )
    elif _can_be_read_again(data):
        for number in range(len(data)):
            yield _parts(data[number], where)
    else:
        for item in data:
            yield _parts(item, where)


def _parts(item: Any, where: str) -> tuple[Tensor, Any, Any]:
    if not isinstance(item, tuple | list) or len(item) not in (2, 3):
        what = (
            f"{len(item)} parts" if isinstance(item, tuple | list) else f"a {type(item).__name__}"
        )
        raise DataError(
            f"{where}: an item must be (image, label) or (image, label, concepts), not {what}"
        )
    try:
        image = torch.as_tensor(item[0])
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{where}: an image must be a tensor or an array, not a {type(item[0]).__name__}; "
            "give the data set a transform that makes tensors"
        ) from error
    return image, item[1], item[2] if len(item) == 3 else None


def _can_be_read_again(data: Any) -> bool:
    """Return whether an item is read by its number, as often as one likes."""
    indexed = hasattr(data, "__len__") and hasattr(data, "__getitem__")
    return indexed and not isinstance(data, IterableDataset)


def _require_the_same_twice(reader: ItemReader, count: int, where: str) -> None:
    numbers = list(range(count))
    if not torch.equal(reader(numbers), reader(numbers)):
        raise DataError(
            f"{where}: gives another image each time that it is asked for one; take the random "
            "augmentation out of its transform"
        )


def _own_classes(data: Any) -> Sequence[str] | None:
    """Return the names of classes that a data set, or one inside it, knows."""
    while data is not None:
        if (classes := getattr(data, "classes", None)) is not None:
            return [str(name) for name in classes]
        data = getattr(data, "dataset", None)
    return None
