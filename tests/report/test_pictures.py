from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from causalxai.report.pictures import (
    as_shown,
    draw_difference,
    draw_picture,
    draw_signed,
    map_thumbnail,
    thumbnail,
)
from causalxai.report.plots import axes_grid, new_figure


def pixels(address: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    head, _, data = address.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")) / 255


@pytest.mark.parametrize(("channels", "shown"), [(1, 1), (3, 3), (2, 1), (5, 1)])
def test_images_have_one_colour_or_three(channels: int, shown: int):
    image = torch.rand(channels, 4, 6, generator=torch.Generator().manual_seed(0))
    drawn = as_shown(image)
    assert drawn.shape == (4, 6, shown)
    if channels == shown:
        assert torch.equal(drawn.movedim(-1, 0), image)
    else:
        assert torch.allclose(drawn[..., 0], image.mean(dim=0))


def test_pictures_keep_their_pixels():
    colours = torch.rand(3, 2, 5, generator=torch.Generator().manual_seed(1))
    assert np.allclose(pixels(thumbnail(colours)), colours.movedim(0, -1), atol=1 / 255)
    image = torch.rand(1, 4, 4, generator=torch.Generator().manual_seed(0))
    grey = pixels(thumbnail(image))
    assert np.allclose(grey, image[0, :, :, None].expand(-1, -1, 3), atol=1 / 255)


def test_support_is_green_and_opposition_orange():
    heat = torch.tensor([[2.0, -2.0], [0.0, 1.0]])
    (support, oppose), (nothing, weaker) = pixels(map_thumbnail(torch.zeros(1, 2, 2), heat))
    assert support[1] > support[0] and oppose[0] > oppose[1]
    assert np.allclose(nothing, 1.0)
    assert support[0] < weaker[0] < 1.0
    assert np.allclose(pixels(map_thumbnail(torch.zeros(1, 2, 2), torch.zeros(2, 2))), 1.0)


def test_a_picture_is_drawn_with_its_title():
    [[axes]] = axes_grid(new_figure(1, 1), 1, 1)
    image = torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(0))
    draw_picture(axes, image, "image")
    np.testing.assert_allclose(axes.images[0].get_array(), image.movedim(0, -1))
    assert axes.get_title() == "image"


@pytest.mark.parametrize(("limit", "most"), [(None, 2.0), (5.0, 5.0)])
def test_a_signed_map_is_white_at_zero(limit: float | None, most: float):
    [[axes]] = axes_grid(new_figure(1, 1), 1, 1)
    draw_signed(axes, torch.tensor([[1.0, -2.0]]), limit=limit)
    assert axes.images[0].get_clim() == (-most, most)
    draw_signed(axes, torch.zeros(1, 2))
    assert axes.images[1].get_clim() == (-1, 1)
    assert np.allclose(axes.images[1].to_rgba(0.0)[:3], 1.0, atol=0.01)


@pytest.mark.parametrize(("limit", "most"), [(None, 2.0), (5.0, 5.0)])
def test_a_difference_is_grey_where_nothing_changes(limit: float | None, most: float):
    [[axes]] = axes_grid(new_figure(1, 1), 1, 1)
    draw_difference(axes, torch.tensor([[1.0, -2.0]]), limit=limit)
    (drawn,) = axes.images
    assert drawn.get_clim() == (-most, most)
    assert [round(float(drawn.to_rgba(v)[0]), 1) for v in (-most, 0.0, most)] == [0.0, 0.5, 1.0]
