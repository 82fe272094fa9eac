from __future__ import annotations

import copy
import logging

import pytest
import torch
from torch import Tensor

from causalxai.image_data import lazy
from causalxai.image_data.lazy import (
    Images,
    LazyImages,
    batches,
    concatenated,
    fits_in_memory,
    mean_image,
    some_rows,
)

ALL = torch.rand(10, 3, 4, 5)


def lazy_images(numbers: Tensor | None = None) -> tuple[LazyImages, list[int]]:
    """Return images that are read from ``ALL``, and the numbers that are read so far."""
    asked: list[int] = []

    def read(wanted: list[int]) -> Tensor:
        asked.extend(wanted)
        return ALL[wanted]

    numbers = torch.arange(10) if numbers is None else numbers
    return LazyImages(read, (3, 4, 5), numbers, "all"), asked


@pytest.mark.parametrize(
    "rows",
    [
        3,
        -1,
        slice(2, 7, 2),
        slice(0, 0),
        torch.tensor([4, 4, 0]),
        torch.arange(10) % 3 == 0,
        torch.tensor(2),
        torch.tensor([[1, 2], [3, 4]]),
        [5, 1],
    ],
    ids=str,
)
def test_rows_are_those_of_a_tensor_and_nothing_else_is_read(rows: lazy.Rows):
    images, asked = lazy_images()
    assert torch.equal(images[rows], ALL[rows])
    assert asked == torch.arange(10)[rows].flatten().tolist()


def test_some_of_the_images_are_chosen_without_reading_them():
    images, asked = lazy_images()
    some = images.rows(torch.tensor([8, 2, 5])).rows(slice(1, 3))
    assert (len(some), some.shape, some.ndim, some.dim()) == (2, (2, 3, 4, 5), 4, 4)
    assert (some.dtype, some.device.type) == (torch.float32, "cpu")
    assert asked == []
    assert torch.equal(some[:], ALL[[2, 5]])
    assert torch.equal(torch.stack(list(some)), ALL[[2, 5]])


def test_an_index_beyond_the_images_is_an_error():
    with pytest.raises(IndexError):
        lazy_images()[0][10]


def test_what_only_tensors_can_do_is_told():
    images, _ = lazy_images()
    with pytest.raises(AttributeError, match=r"no 'mean'.*images\[:\] reads all"):
        images.mean(dim=0)  # type: ignore[attr-defined]
    assert torch.equal(copy.deepcopy(images)[:], ALL)


def test_the_digest_depends_on_which_images_these_are():
    images, asked = lazy_images()
    assert images.digest() == lazy_images()[0].digest()
    assert images.digest() != images.rows(slice(1, None)).digest()
    assert images.digest() != LazyImages(images.read, (3, 4, 5), images.numbers, "x").digest()
    assert asked == []


@pytest.mark.parametrize("images", [ALL, lazy_images()[0]], ids=["tensor", "lazy"])
def test_batches_have_all_images_in_order(images: Images):
    found = list(batches(images, 4))
    assert [len(batch) for batch in found] == [4, 4, 2]
    assert torch.equal(torch.cat(found), ALL)
    assert torch.equal(torch.cat(list(batches(images))), ALL)
    assert [batch.shape for batch in batches(images[:0])] == [(0, 3, 4, 5)]
    torch.testing.assert_close(mean_image(images), ALL.mean(dim=0))


def test_networks_get_fewer_large_images_at_once():
    small, large = torch.zeros(1, 3, 128, 128), torch.zeros(1, 3, 129, 128)
    assert lazy.rows_at_once(large) < lazy.rows_at_once(small)


def test_lazy_and_other_images_are_joined_without_reading_them():
    images, asked = lazy_images(torch.tensor([1, 7]))
    joined = concatenated([ALL[:3], images])
    assert isinstance(joined, LazyImages)
    assert asked == []
    assert torch.equal(joined[:], torch.cat([ALL[:3], ALL[[1, 7]]]))
    assert torch.equal(joined[torch.tensor([4, 0, 3])], ALL[[7, 0, 1]])
    both = concatenated([ALL[:3], ALL[5:]])
    assert isinstance(both, Tensor)
    assert torch.equal(both, torch.cat([ALL[:3], ALL[5:]]))


def test_as_many_rows_are_taken_as_fit_into_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    images, _ = lazy_images()
    assert some_rows(images, "a test") == slice(None)
    monkeypatch.setattr(lazy, "IN_MEMORY", 3 * 4 * 60 + 1)
    assert fits_in_memory(3, (3, 4, 5))
    assert not fits_in_memory(4, (3, 4, 5))
    rows = some_rows(images, "a test")
    assert isinstance(rows, Tensor)
    assert rows.tolist() == [0, 4, 9]
    assert "a test: of 10 images, 3 are used, evenly spaced" in caplog.text
    assert some_rows(ALL, "a test") == slice(None)
