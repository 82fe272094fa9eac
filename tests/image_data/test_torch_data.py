from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset

from causalxai import Dataset
from causalxai.errors import DataError
from causalxai.image_data import lazy
from causalxai.image_data.lazy import LazyImages

IMAGES, LABELS = torch.rand(12, 3, 4, 5), torch.arange(12) % 2
CONCEPTS = torch.arange(12.0)[:, None]
NAMES = ["cat", "dog"]
ITEMS = TensorDataset(IMAGES, LABELS)


class Stream(IterableDataset):  # type: ignore[type-arg]
    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        return ((image, int(label)) for image, label in zip(IMAGES, LABELS, strict=True))


class Named(TensorDataset):
    classes = NAMES


def same(data: Dataset) -> None:
    expected = Dataset.from_tensors(IMAGES, LABELS, class_names=NAMES)
    assert data.class_names == ("cat", "dog")
    for one, other in ((data.train, expected.train), (data.test, expected.test)):
        assert torch.equal(one.images[:], other.images[:])
        assert torch.equal(one.labels, other.labels)


@pytest.mark.parametrize(
    "given",
    [
        ITEMS,
        DataLoader(ITEMS, batch_size=5),
        Stream(),
        [(image.numpy(), int(label)) for image, label in ITEMS],
        [(image, NAMES[int(label)]) for image, label in ITEMS],
    ],
    ids=["data set", "loader", "stream", "arrays", "names"],
)
def test_items_become_the_same_data_set(given: Any):
    same(Dataset.from_torch(given, class_names=NAMES))


def test_the_data_set_s_own_classes_are_taken():
    same(Dataset.from_torch(Named(IMAGES, LABELS)))
    same(Dataset.from_torch(DataLoader(Subset(Named(IMAGES, LABELS), range(12)))))
    with pytest.raises(
        DataError, match="class_names is missing, and the data set has no 'classes'"
    ):
        Dataset.from_torch(ITEMS)


def test_concepts_and_given_test_images_come_along():
    items = TensorDataset(IMAGES, LABELS, CONCEPTS)
    data = Dataset.from_torch(
        items, DataLoader(items, batch_size=4), class_names=NAMES, concept_names=["age"]
    )
    assert data.held_out is True
    for split in (data.train, data.test):
        assert split.concepts is not None
        assert torch.equal(split.concepts, CONCEPTS)


def test_images_that_do_not_fit_into_memory_are_read_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lazy, "memory_part", lambda: 3 * IMAGES[0].numel() * 4)
    data = Dataset.from_torch(ITEMS, class_names=NAMES)
    assert isinstance(data.train.images, LazyImages)
    same(data)
    brighter = Dataset.from_torch(TensorDataset(IMAGES / 2, LABELS), class_names=NAMES)
    assert isinstance(brighter.train.images, LazyImages)
    assert brighter.train.images.digest() != data.train.images.digest()
    for once in (DataLoader(ITEMS), Stream()):
        with pytest.raises(DataError, match="give the data set itself in the place of its loader"):
            Dataset.from_torch(once, class_names=NAMES)


def test_random_augmentation_is_noticed(monkeypatch: pytest.MonkeyPatch):
    class Noisy(TensorDataset):
        def __getitem__(self, row: int) -> tuple[Tensor, ...]:
            return torch.rand(3, 4, 5), LABELS[row]

    monkeypatch.setattr(lazy, "memory_part", lambda: 1000)
    with pytest.raises(DataError, match=r"another image each time .* random augmentation"):
        Dataset.from_torch(Noisy(IMAGES, LABELS), class_names=NAMES)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([IMAGES[0]], r"an item must be \(image, label\) or .*, not a Tensor"),
        ([(IMAGES[0],)], "not 1 parts"),
        ([{"image": IMAGES[0], "label": 0}], "not a dict"),
        ([("a.png", 0)], "must be a tensor or an array, not a str; .* transform"),
        ([(IMAGES[0], 0), (IMAGES[1, :, :2], 1)], r"image 1 is \[3, 2, 5\], the first one"),
        ([(IMAGES[0], 7), (IMAGES[1], 1)], "labels must be from 0 to 1"),
        ([(np.full((4, 5, 3), 2.0), 0)], r"must lie in \[0, 1\], not in \[2, 2\]"),
        ([(IMAGES[0], 0, [1.0]), (IMAGES[1], 1)], "some items have concepts and others have none"),
        ([], "has no images"),
    ],
    ids=["bare", "alone", "dict", "path", "size", "label", "range", "concepts", "empty"],
)
def test_items_that_are_none_are_refused_in_words(items: Any, message: str):
    with pytest.raises(DataError, match=f"^the data set: .*{message}"):
        Dataset.from_torch(items, class_names=NAMES)
