"""What is kept of drawings is told apart by all that it depends on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy
import skimage
import torch
from threadpoolctl import threadpool_limits

from causalxai.progress import SILENT
from causalxai.seeding import torch_generator
from causalxai_datasets.digits import Digits
from causalxai_datasets.morpho import Morpho, cached_rendering
from causalxai_datasets.morpho.cached_rendering import pictures_of, skeletons_of
from causalxai_datasets.morpho.skeletons import Skeleton

N = 4
VALUES = np.tile([2.5, 0.0, 16.0, 200.0], (N, 1))


@pytest.fixture(autouse=True)
def keeps_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_rendering, "_WORTH_KEEPING", 1)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return Digits(size=8).load(rng=torch_generator(0)).train.images[:N]


@pytest.fixture
def digits(images: torch.Tensor) -> list[Skeleton]:
    return skeletons_of(images, 0.8, SILENT)


def test_pictures_of_another_size_are_others(digits: list[Skeleton]) -> None:
    for size in (32, 16, 32):
        assert pictures_of(digits, VALUES, size, SILENT)[0].shape == (N, 1, size, size)


def test_pictures_of_other_strokes_are_others(digits: list[Skeleton]) -> None:
    upside_down = [replace(digit, points=-digit.points) for digit in digits]
    one, other = (pictures_of(each, VALUES, 32, SILENT)[0] for each in (digits, upside_down))
    assert not torch.equal(one, other)
    torch.testing.assert_close(other, one.flip(2, 3), atol=0.5, rtol=0)


def test_pictures_with_other_values_are_others(digits: list[Skeleton]) -> None:
    one, other = (pictures_of(digits, each, 32, SILENT)[1] for each in (VALUES, VALUES / 2))
    assert other[:, 3] == pytest.approx(one[:, 3] / 2)


def test_pictures_of_digits_that_had_other_concepts_are_others(digits: list[Skeleton]) -> None:
    thick = [replace(digit, own=digit.own + np.eye(4)[0] * 2) for digit in digits]
    as_is = np.full((N, 4), np.nan)
    one, other = (pictures_of(each, as_is, 32, SILENT)[1] for each in (digits, thick))
    assert (other[:, 0] > one[:, 0] + 1).all()


def test_skeletons_of_images_that_fill_more_of_the_page_are_larger(images: torch.Tensor) -> None:
    small, large = (skeletons_of(images, content, SILENT) for content in (0.5, 1.0))
    for one, other in zip(small, large, strict=True):
        assert np.ptp(other.points[:, 1]) > 1.5 * np.ptp(one.points[:, 1])


def test_skeletons_of_other_images_are_others(images: torch.Tensor) -> None:
    one, other = (skeletons_of(each, 0.8, SILENT) for each in (images, images.flip(0)))
    assert np.array_equal(one[0].points, other[-1].points)
    assert not np.array_equal(one[0].own, other[0].own)


@pytest.mark.parametrize("library", [skimage, scipy, np, torch])
def test_an_upgrade_draws_anew(
    library: object, digits: list[Skeleton], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures_of(digits, VALUES, 16, SILENT)
    before = len(list(cache.iterdir()))
    pictures_of(digits, VALUES, 16, SILENT)
    assert len(list(cache.iterdir())) == before
    monkeypatch.setattr(library, "__version__", "999")
    pictures_of(digits, VALUES, 16, SILENT)
    assert len(list(cache.iterdir())) == before + 1


def test_pictures_are_the_same_bytes_for_any_number_of_threads_and_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cached_rendering, "_CHUNK", 8)
    drawn = []
    for number, (count, many) in enumerate([(1, 1000), (2, 1000), (2, 1)]):
        monkeypatch.setattr(
            "causalxai_datasets.caching.cache_folder", lambda number=number: tmp_path / str(number)
        )
        monkeypatch.setattr(cached_rendering, "_MANY", many)
        torch.set_num_threads(count)
        with threadpool_limits(count):
            source = Morpho(scenario="TSWI", limit=30, test_limit=5)
            drawn.append(source.load(rng=torch_generator(0)).train)
    for other in drawn[1:]:
        assert torch.equal(other.images, drawn[0].images)
        assert torch.equal(other.concepts, drawn[0].concepts)
