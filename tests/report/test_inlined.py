from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from causalxai.report.inlined import inlined_image, inlined_map, inlined_strip
from causalxai.report.plots import OPPOSE, SUPPORT


def read(address: str, kind: str = "png") -> Image.Image:
    head, _, data = address.partition(",")
    assert head == f"data:image/{kind};base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 3])
def test_small_images_keep_their_pixels(channels: int):
    image = noise(channels, 6, 4)
    pixels = np.asarray(read(inlined_image(image)).convert("RGB")) / 255
    expected = image.expand(3, -1, -1).movedim(0, -1)
    np.testing.assert_allclose(pixels, expected, atol=0.6 / 255)


def test_a_strip_has_its_images_side_by_side():
    images = [noise(1, 5, 3), 1 - noise(1, 5, 3)]
    pixels = np.asarray(read(inlined_strip(images))) / 255
    np.testing.assert_allclose(pixels, torch.cat(images, dim=2)[0], atol=0.6 / 255)


def test_large_images_are_scaled_down_and_compressed():
    picture = read(inlined_strip([torch.full((3, 448, 224), 0.5)] * 3), "jpeg")
    assert picture.size == (3 * 112, 224)
    assert np.ptp(np.asarray(picture)) <= 2


def test_an_image_is_as_small_as_it_is_asked_for():
    assert read(inlined_image(noise(3, 200, 100), 80), "jpeg").size == (40, 80)


def test_a_map_is_opaque_where_it_is_strong():
    heat = torch.tensor([[3.0, -1.5, 0.0]])
    support, oppose, nothing = np.asarray(read(inlined_map(heat)).convert("RGBA"))[0].tolist()
    assert support == [*bytes.fromhex(SUPPORT[1:]), 255]
    assert oppose[:3] == list(bytes.fromhex(OPPOSE[1:]))
    # Half as strong, to one of 15 levels.
    assert oppose[3] == pytest.approx(127.5, abs=255 / 30 + 1)
    assert nothing[3] == 0


def test_a_map_of_zeros_is_transparent():
    assert not np.asarray(read(inlined_map(torch.zeros(2, 2))).convert("RGBA"))[..., 3].any()


def test_a_large_map_is_averaged():
    heat = torch.zeros(128, 64)
    heat[:2, :2] = 1
    pixels = np.asarray(read(inlined_map(heat)).convert("RGBA"))
    assert pixels.shape == (64, 32, 4)
    assert pixels[0, 0, 3] == 255 and pixels[..., 3].astype(int).sum() == 255
