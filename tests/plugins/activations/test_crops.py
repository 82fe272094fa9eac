"""Crops are what one cuts out by hand."""

from __future__ import annotations

import torch

from causalxai.seeding import torch_generator
from causalxai_activations.crops import CropGrid


def test_crops_are_cut_row_by_row_and_overlap():
    images = torch.rand(2, 3, 20, 30, generator=torch_generator(0))
    grid = CropGrid.of((3, 20, 30), 0.5)
    assert (grid.height, grid.width) == (10, 15)
    crops = grid.cut(images)
    # Steps of 8 and of 12 pixels: two rows and two columns.
    places = [(top, left) for top in (0, 8) for left in (0, 12)]
    assert crops.shape == (2, len(places), 3, 10, 15)
    for place, (top, left) in enumerate(places):
        assert torch.equal(crops[:, place], images[:, :, top : top + 10, left : left + 15])


def test_the_whole_image_is_a_crop():
    images = torch.rand(2, 1, 9, 7, generator=torch_generator(0))
    assert torch.equal(CropGrid.of((1, 9, 7), 1.0).cut(images)[:, 0], images)


def test_enlarged_crops_stay_in_the_range_of_images():
    crops = torch.rand(4, 1, 5, 5, generator=torch_generator(0)).round()
    enlarged = CropGrid.enlarged(crops, 16, 12)
    assert enlarged.shape == (4, 1, 16, 12)
    assert 0 <= float(enlarged.min()) <= float(enlarged.max()) <= 1
