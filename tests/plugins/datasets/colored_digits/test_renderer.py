from __future__ import annotations

import colorsys

import pytest
import torch

from causalxai.concept import Units
from causalxai.dataset import Dataset
from causalxai.intervention import Intervention
from causalxai.renderer import Renderer
from causalxai.seeding import torch_generator
from causalxai.testing import check_renderer
from causalxai_datasets.colored_digits import BRIGHTNESS, HUES, ColoredDigits, coloured


@pytest.fixture(scope="module")
def data() -> Dataset:
    source = ColoredDigits(limit=40, test_limit=8, references=20)
    return source.load(rng=torch_generator(0))


def known(data: Dataset) -> tuple[Renderer, Units]:
    assert data.renderer is not None
    return data.renderer, data.renderer.recognise(data.test.images[:])


def test_the_renderer_keeps_its_promises(data: Dataset) -> None:
    check_renderer(data)


def test_colours_are_those_of_an_independent_conversion() -> None:
    values = torch.tensor([[0.0, 1.0], [47.0, 0.5], [120.0, 0.7], [200.0, 0.9], [270.0, 0.6]])
    drawn = coloured(torch.ones(5, 1, 1, 1), values)[:, :, 0, 0]
    for colour, (hue, brightness) in zip(drawn.tolist(), values.tolist(), strict=True):
        assert colour == pytest.approx(colorsys.hsv_to_rgb(hue / 360, 0.8, brightness), abs=1e-6)


def test_the_ruler_reads_all_colours_within_its_errors(data: Dataset) -> None:
    renderer, units = known(data)
    hues, levels = torch.linspace(*HUES, 28), torch.linspace(*BRIGHTNESS, 4)
    every = torch.cartesian_prod(hues, levels)[:, None].expand(-1, len(units), -1)
    gaps = (renderer.measure(units, renderer.draw(units, every)) - every).abs()
    assert gaps.amax(dim=(0, 1)).tolist() < [0.02, 1e-4]
    for gap, error in zip(gaps.amax(dim=(0, 1)), renderer.errors, strict=True):
        assert gap <= error


def test_the_ruler_reads_other_generators_pictures_and_nothing_off_a_blank_one(
    data: Dataset,
) -> None:
    renderer, units = known(data)
    noise = 0.05 * torch.randn(data.test.images[:].shape, generator=torch_generator(1))
    read = renderer.measure(units, (data.test.images[:] + noise).clamp(0, 1)[None])[0]
    assert (read - units.values)[:, 0].abs().max() < 10
    assert (read - units.values)[:, 1].abs().max() < 0.05
    # Red that is a little violet is below zero, not near the other end of the range.
    violet = torch.tensor([0.8, 0.1, 0.15])[None, None, :, None, None].expand(1, 8, -1, 32, 32)
    assert (renderer.measure(units, violet)[..., 0] < 0).all()
    assert renderer.measure(units, torch.zeros(1, 8, 3, 32, 32)).isnan().all()
    grey = renderer.measure(units, torch.full((1, 8, 3, 32, 32), 0.7))
    assert grey[..., 0].isnan().all()
    assert not grey[..., 1].isnan().any()


def test_what_cannot_be_drawn_is_replaced_by_the_nearest_that_can(data: Dataset) -> None:
    renderer, units = known(data)
    do = Intervention.set(torch.tensor([0, 1]), torch.tensor([400.0, 0.0]))
    states = renderer.states(units, do)
    assert (states[0, :, 0] == HUES[1]).all()
    assert torch.equal(states[0, :, 1], units.values[:, 1])
    assert (states[1, :, 1] == BRIGHTNESS[0]).all()


def test_strokes_and_their_mask_stay(data: Dataset) -> None:
    renderer, units = known(data)
    states = renderer.states(units, Intervention.set(torch.tensor([0]), 100.0))
    brightness = units.values[:, 1, None, None]
    own, other = (
        pictures.amax(dim=1) / brightness
        for pictures in (data.test.images[:], renderer.draw(units, states)[0])
    )
    assert torch.allclose(own, other, atol=1e-6)
    assert torch.equal(renderer.masks(units, states)["digit"][0], own >= 0.5)
