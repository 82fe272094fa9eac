from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from causalxai_datasets.drawing_many import draw_many


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return iter(())


def plain(level: NDArray[np.int64], other: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    return np.full((3, size, size), level[0] + other[0], np.uint8)


def never(level: NDArray[np.int64], other: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    raise AssertionError(f"drawn again: {level}, {other}, {size}")


def test_pictures_come_in_the_order_of_their_numbers() -> None:
    levels = np.arange(200)[:, None]
    images = draw_many("squares", 1, plain, [levels, levels // 2 % 2], 4)

    assert images.shape == (200, 3, 4, 4)
    assert images.dtype == torch.float32
    expected = torch.arange(200) + torch.arange(200) // 2 % 2
    assert torch.equal((images[:, 0, 0, 0] * 255).round().long(), expected)


def test_many_pictures_are_kept_and_only_the_same_ones_are_taken() -> None:
    levels = np.arange(256)[:, None] // 2
    first = draw_many("squares", 1, plain, [levels, levels], 2)

    assert torch.equal(draw_many("squares", 1, never, [levels, levels], 2), first)
    for version, size, numbers in ((2, 2, levels), (1, 3, levels), (1, 2, levels + 1)):
        with pytest.raises(AssertionError, match="drawn again"):
            draw_many("squares", version, never, [levels, numbers], size)
