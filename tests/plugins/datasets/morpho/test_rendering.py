from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from causalxai.progress import SILENT
from causalxai_datasets.digits import Digits
from causalxai_datasets.morpho.cached_rendering import skeletons_of
from causalxai_datasets.morpho.measuring import measure
from causalxai_datasets.morpho.rendering import render
from causalxai_datasets.morpho.skeletons import Skeleton, lay_on_page, own_concepts
from causalxai_datasets.morpho.thinning import thin

Bar = Callable[..., NDArray[np.float32]]
NAN = float("nan")


@pytest.fixture(scope="module")
def digits() -> list[Skeleton]:
    """Sixty of scikit-learn's, without a 1."""
    train = Digits(size=8).load(rng=torch.Generator().manual_seed(0)).train
    images = train.images[train.labels != 1][:60]
    return skeletons_of(torch.nn.functional.pad(images, (1, 1, 1, 1)), 0.89, SILENT)


def drawn(skeletons: list[Skeleton], *values: float, size: int = 32) -> NDArray[np.float64]:
    """Measure pictures that are all asked for the same."""
    return render(skeletons, np.tile(values, (len(skeletons), 1)), size)[1]


@pytest.mark.parametrize("thickness", [1.5, 2.5, 4.0])
@pytest.mark.parametrize("slant", [-20.0, 15.0])
def test_all_four_concepts_come_out_as_asked(
    digits: list[Skeleton], thickness: float, slant: float
) -> None:
    measured = drawn(digits, thickness, slant, 16, 150)
    off = np.abs(np.median(measured, axis=0) - [thickness, slant, 16, 150])
    assert off == pytest.approx(0, abs=0.2)
    spread = measured.std(axis=0)
    assert (spread < [0.2, 0.6, 0.4, 1]).all()


def test_what_is_measured_is_measured_on_the_pictures(digits: list[Skeleton]) -> None:
    values = np.column_stack(
        [np.linspace(1, 5, 60), np.linspace(-20, 20, 60), np.full(60, NAN), np.full(60, 180)]
    )
    images, measured = render(digits, values, 32)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1
    assert measured == pytest.approx(measure(images), abs=0.01)


def test_what_is_not_asked_for_stays_as_the_digit_has_it(digits: list[Skeleton]) -> None:
    measured = drawn(digits, 2.5, NAN, NAN, NAN)
    own = np.stack([skeleton.own for skeleton in digits])
    assert (measured[:, 3] > 245).all()
    assert np.corrcoef(measured[:, 1], own[:, 1])[0, 1] > 0.95
    assert np.corrcoef(measured[:, 2] - measured[:, 0], own[:, 2] - own[:, 0])[0, 1] > 0.8
    thick = drawn(digits, NAN, 0, NAN, NAN)[:, 0]
    assert np.corrcoef(thick, own[:, 0])[0, 1] > 0.9


def test_concepts_mean_the_same_at_every_size(digits: list[Skeleton]) -> None:
    small, large = (drawn(digits, 3, 10, 17, 200, size=size) for size in (32, 64))
    assert large == pytest.approx(small, abs=0.6)


def test_beyond_what_can_be_drawn_the_nearest_is(digits: list[Skeleton]) -> None:
    few = digits[:5]
    assert np.array_equal(drawn(few, 0, 80, NAN, 300), drawn(few, 0.5, 60, NAN, 255))


def test_a_picture_does_not_depend_on_its_neighbours(digits: list[Skeleton]) -> None:
    values = np.random.default_rng(0).uniform([1, -20, 12, 60], [5, 20, 20, 255], (60, 4))
    together, _ = render(digits, values, 32)
    alone, _ = render(digits[7:8], values[7:8], 32)
    assert np.array_equal(together[7:8], alone)


@settings(max_examples=10)
@given(slant=st.floats(-30, 30), thickness=st.floats(2, 4))
def test_a_bar_is_drawn_as_the_bar_that_was_asked_for(
    bar: Bar, slant: float, thickness: float
) -> None:
    page = lay_on_page(torch.from_numpy(bar(3.0, slant=-10, grey=255))[None, None], 1.0)
    skeleton = Skeleton.of(page[0], own_concepts(page)[0], 1.0)
    image, _ = render([skeleton], np.array([[thickness, slant, NAN, 255]]), 32)
    angle, x, y = np.radians(slant), *np.mgrid[-15.5:16, -15.5:16][::-1]
    across = np.abs(x * np.cos(angle) + y * np.sin(angle))
    ends = np.abs(y) > 6
    assert (image[0][(across < thickness / 2 - 1) & ~ends] > 0.99).all()
    assert (image[0][(across > thickness / 2 + 1.2) & ~ends] < 0.01).all()


def test_skeletons_stand_upright_whatever_the_digit_does(bar: Bar) -> None:
    for slant in (-25.0, 0.0, 25.0):
        page = lay_on_page(torch.from_numpy(bar(3.0, slant=slant))[None, None], 1.0)
        own = own_concepts(page)
        assert own[0, 1] == pytest.approx(slant, abs=1)
        points = Skeleton.of(page[0], own[0], 1.0).points
        assert np.ptp(points[:, 0]) < 1
        assert np.abs(points.mean(axis=0)).max() < 0.5


def test_thinning_cuts_whiskers_and_leaves_strokes() -> None:
    inside = np.zeros((40, 40), bool)
    inside[20, 4:36] = True
    inside[16:20, 20] = True  # A whisker.
    inside[5:20, 28] = True  # A stroke.
    skeleton = thin(inside, 6)
    assert not skeleton[15:19, 20].any()
    assert skeleton[6:19, 28].all()
    assert skeleton[20, 5:35].sum() >= 28
    assert thin(inside, 0)[16:19, 20].all()


def test_a_loop_and_a_short_line_are_no_whiskers() -> None:
    inside = np.zeros((40, 40), bool)
    inside[10:20, 10] = inside[10:20, 20] = inside[10, 10:20] = inside[19, 10:21] = True
    inside[30, 5:9] = True
    assert np.array_equal(thin(inside, 8), thin(inside, 0))
    assert not thin(np.zeros((5, 5), bool), 3).any()
