"""A data set in memory is filed under everything that is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai import CausalGraph, Concept, Dataset, Node, Split
from causalxai.image_data.lazy import LazyImages
from causalxai.live.dataset import LiveDataset, dataset_digest, split_digest, values_digest
from causalxai.renderer import Mechanism, StructuralRenderer


def some() -> Dataset:
    images = torch.arange(6 * 4).reshape(6, 1, 2, 2) / 24
    train = Split(images, torch.arange(6) % 2, concepts=torch.ones(6, 1))
    return Dataset(train, train[:3], ("a", "b"), ("size",))


def _brighter(split: Split) -> Split:
    images = split.images.clone()
    images[-1, 0, 1, 1] = 0
    return replace(split, images=images)


def _lazy(split: Split, files: str = "files") -> Split:
    def read(numbers: list[int]) -> torch.Tensor:
        raise AssertionError("a digest reads no image")

    return replace(split, images=LazyImages(read, (1, 2, 2), torch.arange(len(split)), files))


def test_lazy_images_are_told_apart_by_their_files() -> None:
    data = some()
    digests = {split_digest(_lazy(data.test, files)) for files in ("one", "another")}
    assert len(digests) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda data: replace(data, train=_brighter(data.train)),
        lambda data: replace(data, test=_brighter(data.test)),
        lambda data: replace(data, reference=data.test),
        lambda data: replace(data, class_names=("a", "c")),
        lambda data: replace(data, held_out=True),
        lambda data: replace(data, test=_lazy(data.test)),
        lambda data: replace(data, concept_names=("weight",)),
        lambda data: replace(data, train=replace(data.train, labels=1 - data.train.labels)),
        lambda data: replace(data, train=replace(data.train, concepts=torch.zeros(6, 1))),
        lambda data: replace(data, train=replace(data.train, groups=torch.arange(6))),
        lambda data: replace(data, graph=CausalGraph((Node("size"),), ())),
    ],
)
def test_every_change_is_seen(change: Callable[[Dataset], Dataset]) -> None:
    assert dataset_digest(some()) == dataset_digest(some())
    assert dataset_digest(change(some())) != dataset_digest(some())


class Flat(StructuralRenderer):
    """Flat pictures of a grey, and the same grey times a factor."""

    errors = (0.0,)

    def __init__(self, factor: float) -> None:
        own = torch.tensor([[0.1, 0.1], [0.3, 0.3]], dtype=torch.float64)
        follow = Mechanism(1, (0,), lambda _, values: factor * values[..., 0])
        super().__init__([Concept("size", 0.0, 1.0)], [0], [self._draw(own, own)], own, [follow])

    def _drawable(self, values: Tensor) -> Tensor:
        return values.clamp(0, 1)

    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        return values.float()[:, None, None]

    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        return images[:, 0, :, 0]


def test_a_renderer_is_known_by_what_it_draws() -> None:
    def drawn(factor: float) -> Dataset:
        renderer = Flat(factor)
        split = Split(renderer._pictures[0][:], torch.tensor([0, 1]))
        return Dataset(split, split, ("a", "b"), ("size",), renderer=renderer)

    assert dataset_digest(drawn(1.0)) == dataset_digest(drawn(1.0))
    # Both draw the images of the data set, but not what follows from do().
    assert dataset_digest(drawn(1.0)) != dataset_digest(drawn(2.0))
    assert dataset_digest(drawn(1.0)) != dataset_digest(replace(drawn(1.0), renderer=None))


def test_the_digest_of_many_rows_reads_all_of_them() -> None:
    values = torch.zeros(1500, 2)
    before = values_digest(values)
    values[1499, 1] = 1
    assert values_digest(values) != before
    assert values_digest(values.reshape(750, 4)) != values_digest(values)


def test_the_source_gives_the_data_set_itself() -> None:
    data = some()
    source = LiveDataset(dataset=data, digest=dataset_digest(data))
    assert source.load(rng=torch.Generator()) is data
    assert source.fingerprint() == dataset_digest(data)
    assert source.portable_config() == {}
