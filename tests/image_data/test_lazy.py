from __future__ import annotations

import copy

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
    rows_at_once,
)
from causalxai.memory import limited_to

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


def test_images_are_kept_and_read_together_as_many_as_fit():
    each = 4 * 60
    with limited_to(8 * (3 * each + 1)):
        assert fits_in_memory(3, (3, 4, 5))
        assert not fits_in_memory(4, (3, 4, 5))
    with limited_to(8 * 4 * (3 * each + 1)):
        # A batch is copied, and converted to double precision.
        assert rows_at_once(ALL) == 3
        assert [len(batch) for batch in batches(ALL)] == [3, 3, 3, 1]
    with limited_to(1):
        assert rows_at_once(ALL) == 1
