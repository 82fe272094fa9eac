from __future__ import annotations

import pytest
import torch
from torch import Tensor

from causalxai import Split
from causalxai.report.excitation import (
    Channel,
    ExcitingImages,
    Stride,
    crop_around,
    evenly_spaced,
)
from causalxai.report.inlined import inlined_image

# Image k is dark but for a pixel of brightness k / 10 in row 2, column k.
IMAGES = torch.zeros(8, 1, 8, 8)
for k in range(8):
    IMAGES[k, 0, 2, k] = k / 10
SPLIT = Split(IMAGES, torch.arange(8) % 2)


def pooled(layer: str, images: Tensor) -> tuple[Tensor, Stride | None]:
    """Answer with the brightness of cells of 2 x 2 pixels, with its negative, and with zeros."""
    bright = torch.nn.functional.max_pool2d(images, 2)
    if layer == "units":
        return bright.amax(dim=(2, 3), keepdim=True), None
    return torch.cat([bright, -bright, 0 * bright], dim=1), (2, 2)


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def meanings(asked: list[str]) -> ExcitingImages:
    def respond(layer: str, images: Tensor) -> tuple[Tensor, Stride | None]:
        asked.append(layer)
        return pooled(layer, images)

    channels = {
        "bright": Channel("cells", 0, "channel 0 of cells"),
        "never": Channel("cells", 2, "channel 2 of cells"),
        "unit": Channel("units", 0, "unit 0 of units"),
    }
    return ExcitingImages(SPLIT, ("even", "odd"), channels, respond)


def test_the_crops_that_excite_a_channel_most_come_first(meanings: ExcitingImages):
    found = meanings["bright"]
    assert [one.caption for one in found.pictures] == ["odd", "even", "odd", "even", "odd", "even"]
    # The brightest pixel of image 7 is in the cell in row 1, column 3.
    assert found.pictures[0].picture == inlined_image(IMAGES[7, :, 1:5, 4:8])
    assert found.in_box
    assert found.text == (
        "Of 8 images, the parts that excite channel 0 of cells most; below each its class."
    )


def test_a_unit_sees_whole_images(meanings: ExcitingImages):
    assert meanings["unit"].pictures[0].picture == inlined_image(IMAGES[7])
    assert meanings["unit"].text.startswith("Of 8 images, those that excite unit 0")


def test_a_channel_that_nothing_excites_has_no_pictures(meanings: ExcitingImages):
    assert not meanings["never"].pictures
    assert meanings["never"].text == "None of 8 images excites channel 2 of cells."


def test_a_layer_is_asked_once_and_only_if_it_is_shown(meanings: ExcitingImages, asked: list[str]):
    assert set(meanings) == {"bright", "never", "unit"} and len(meanings) == 3
    assert "bright" in meanings and "other" not in meanings
    assert asked == []
    assert meanings.get("bright") and meanings.get("never") and meanings.get("other") is None
    assert asked == ["cells"]


@pytest.mark.parametrize(
    ("cell", "size", "stride", "rows"),
    [
        # Seven cells of one pixel, the own one in the middle; fewer at no border.
        (5, 20, (1, 1), (2, 9)),
        (0, 20, (1, 1), (0, 7)),
        # 10 cells of 1 pixel lie in the middle, from 5 to 15; cell 0 is pixel 5.
        (0, 10, (1, 1), (2, 9)),
        # Without a stride the cells cover the image. At the most a crop is half of it.
        (1, 4, None, (2, 12)),
        (3, 4, None, (10, 20)),
        # At the least it is a quarter.
        (5, 40, None, (0, 5)),
        (0, 1, None, (0, 20)),
    ],
)
def test_a_crop_lies_around_its_cell(
    cell: int, size: int, stride: Stride | None, rows: tuple[int, int]
):
    image = torch.arange(20.0)[None, :, None].expand(1, 20, 20)
    crop = crop_around(image, (cell, cell), (size, size), stride)
    assert crop.shape[1] == crop.shape[2]
    assert (int(crop[0, 0, 0]), int(crop[0, -1, 0]) + 1) == rows


def test_some_images_are_taken_from_all_over_a_split():
    assert evenly_spaced(SPLIT, 3).images[:, 0, 2].sum(dim=1).tolist() == pytest.approx(
        [0, 0.4, 0.7]
    )
    assert len(evenly_spaced(SPLIT, 100)) == 8
