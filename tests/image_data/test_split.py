from __future__ import annotations

import pytest
import torch

from causalxai import Split
from causalxai.image_data.lazy import LazyImages
from causalxai.image_data.split import evenly_spaced_rows


def test_rows_of_a_split_stay_together():
    images, labels = torch.rand(4, 1, 2, 2), torch.tensor([0, 1, 2, 3])
    split = Split(images, labels, concepts=torch.arange(8).view(4, 2))
    for rows in (slice(1, 4, 2), torch.tensor([1, 3])):
        part = split[rows]
        assert len(part) == 2
        assert torch.equal(part.images, images[[1, 3]])
        assert part.labels.tolist() == [1, 3]
        assert part.concepts is not None
        assert part.concepts.tolist() == [[2, 3], [6, 7]]
    assert Split(images, labels)[:2].concepts is None


def test_a_split_is_shown_by_the_shape_of_its_images():
    labels = torch.zeros(4, dtype=torch.int64)
    assert repr(Split(torch.rand(4, 1, 2, 2), labels)) == "Split(images [4, 1, 2, 2])"

    def read(rows: list[int]) -> torch.Tensor:
        raise AssertionError(f"{rows} are read to be shown")

    lazy = LazyImages(read, (1, 2, 2), torch.arange(4), "here")
    told = "Split(images [4, 1, 2, 2], read when they are asked for)"
    assert repr(Split(lazy, labels)) == told


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [(5, 3, [0, 2, 4]), (10, 4, [0, 3, 6, 9]), (3, 8, [0, 1, 2]), (7, 1, [0]), (0, 4, [])],
)
def test_rows_are_spaced_evenly_from_the_first_to_the_last(
    count: int, most: int, expected: list[int]
):
    rows = evenly_spaced_rows(count, most)
    assert rows.tolist() == expected
    assert rows.dtype == torch.int64
