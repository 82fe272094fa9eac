from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from causalxai_datasets.morpho import (
    measure,
    measure_intensity,
    measure_slant,
    measure_thickness,
    measure_width,
)

Bar = Callable[..., NDArray[np.float32]]


@pytest.mark.parametrize("thickness", [2.0, 2.5, 3.0, 4.0, 5.5])
def test_an_upright_bar_is_as_thick_and_as_wide_as_it_is(bar: Bar, thickness: float) -> None:
    image = bar(thickness)
    assert measure_thickness(image) == pytest.approx(thickness, abs=0.26)
    assert measure_width(image) == pytest.approx(thickness, abs=0.26)
    assert measure_slant(image) == pytest.approx(0, abs=1e-4)


def test_thickness_is_that_across_the_stroke_whichever_way_it_runs(bar: Bar) -> None:
    upright = bar(3.0)
    assert measure_thickness(upright.T) == pytest.approx(measure_thickness(upright), abs=0.01)
    assert measure_width(upright.T) == pytest.approx(22, abs=0.26)


def test_a_ring_is_as_thick_as_the_difference_of_its_radii() -> None:
    steps = (np.arange(512) + 0.5) / 16 - 16
    radius = np.hypot(steps[:, None], steps)
    for thickness in (2.0, 3.0, 4.0):
        ring = (abs(radius - 8) < thickness / 2).reshape(32, 16, 32, 16).mean(axis=(1, 3))
        image = ring.astype(np.float32)
        assert measure_thickness(image) == pytest.approx(thickness, abs=0.2)
        assert measure_width(image) == pytest.approx(16 + thickness, abs=0.3)


@settings(max_examples=25)
@given(angle=st.floats(-40, 40), thickness=st.floats(2, 5))
def test_shear_turns_the_slant_by_its_angle_and_leaves_the_width(
    bar: Bar, angle: float, thickness: float
) -> None:
    image = bar(thickness, slant=angle, height=18)
    assert measure_slant(image) == pytest.approx(angle, abs=0.8)
    assert measure_width(image) == pytest.approx(thickness, abs=0.7)
    assert measure_slant(image[:, ::-1].copy()) == pytest.approx(-measure_slant(image), abs=1e-3)


@settings(max_examples=25)
@given(factor=st.floats(0.05, 1), slant=st.floats(-30, 30))
def test_darkening_scales_the_intensity_alone(bar: Bar, factor: float, slant: float) -> None:
    image = bar(3.0, slant=slant, grey=255)
    bright, dark = measure(np.stack([image, image * np.float32(factor)]))
    assert dark[3] == pytest.approx(factor * bright[3], rel=1e-4)
    assert dark[:3] == pytest.approx(bright[:3], abs=0.02)


@settings(max_examples=25)
@given(down=st.integers(-4, 4), right=st.integers(-4, 4))
def test_it_does_not_matter_where_the_stroke_stands(bar: Bar, down: int, right: int) -> None:
    image = bar(3.0, slant=10, height=18)
    moved = np.roll(image, (down, right), axis=(0, 1))
    here, there = measure(np.stack([image, moved]))
    assert there == pytest.approx(here, abs=1e-3)


@pytest.mark.parametrize("grey", [30.0, 128.0, 255.0])
def test_intensity_is_the_stroke_s_grey_not_the_page_s(bar: Bar, grey: float) -> None:
    assert measure_intensity(bar(3.0, grey=grey)) == pytest.approx(grey, abs=0.01)
    assert measure_intensity(bar(3.0, grey=grey, height=10)) == pytest.approx(grey, abs=0.01)


def test_a_stroke_at_the_border_is_no_thicker_than_it_is() -> None:
    image = np.zeros((32, 32), np.float32)
    image[4:28, :4] = 1
    assert measure_thickness(image) == pytest.approx(4, abs=0.26)


def test_a_table_has_the_functions_values_and_blank_pages_have_none(bar: Bar) -> None:
    image = bar(3.0, slant=12)
    first, blank = measure(np.stack([image, np.zeros_like(image)]))
    assert first.tolist() == [
        measure_thickness(image),
        measure_slant(image),
        measure_width(image),
        measure_intensity(image),
    ]
    assert np.isnan(blank[:3]).all()
    assert blank[3] == 0
    assert measure(np.zeros((0, 32, 32), np.float32)).shape == (0, 4)
