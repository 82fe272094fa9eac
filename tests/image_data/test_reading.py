from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from causalxai.image_data.reading import Look, ReadImage, read_image

RAMP = np.linspace(0, 1, 64).reshape(8, 8)
GREY, COLOUR = Look(8, 1), Look(8, 3)


def saved(image: Image.Image, file_format: str, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    file.seek(0)
    return file


def grey(values: NDArray[np.generic], file_format: str = "TIFF") -> ReadImage:
    return read_image(saved(Image.fromarray(values), file_format), GREY)


@pytest.mark.parametrize(
    ("values", "file_format", "step"),
    [
        ((RAMP * 255).round().astype(np.uint8), "PNG", 255),
        ((RAMP * 255).round().astype(np.uint8), "TIFF", 255),
        ((RAMP * 65535).round().astype(np.uint16), "PNG", 255),
        ((RAMP * 65535).round().astype(np.uint16), "TIFF", 255),
        ((RAMP * 65535).round().astype(np.uint16), "PPM", 255),
        ((RAMP * 65535).round().astype(">u2"), "TIFF", 255),
        (RAMP.astype(np.float32), "TIFF", 1e6),
    ],
)
def test_a_ramp_is_a_ramp_in_all_types_of_numbers(
    values: NDArray[np.generic], file_format: str, step: float
):
    found = grey(values, file_format).pixels
    torch.testing.assert_close(found[0], torch.from_numpy(RAMP).float(), atol=1 / step, rtol=0)
    colour = read_image(saved(Image.fromarray(values), file_format), COLOUR).pixels
    assert torch.equal(colour, found.expand(3, 8, 8))


def test_black_and_white_is_zero_and_one():
    found = read_image(saved(Image.fromarray(RAMP > 0.5), "PNG"), GREY).pixels
    assert torch.equal(found[0], torch.from_numpy(RAMP > 0.5).float())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((8, 8), np.int32), "of integers of 32 bits"),
        (np.full((8, 8), 255, np.int32), "of integers of 32 bits"),
        (np.array([[0.0, 255.0]], np.float32), r"and these lie in \[0, 255\]"),
        (np.array([[-0.5, 0.5]], np.float32), r"and these lie in \[-0.5, 0.5\]"),
        (np.array([[np.nan, 0.5]], np.float32), r"floats must lie in \[0, 1\]"),
        (np.array([[np.inf, 0.5]], np.float32), r"floats must lie in \[0, 1\]"),
    ],
)
def test_numbers_without_a_known_white_are_refused(values: NDArray[np.generic], message: str):
    with pytest.raises(ValueError, match=f"cannot be read as an image: .*{message}"):
        grey(values)


def test_the_sign_of_bytes_is_not_ignored():
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(file, "TIFF", tiffinfo={339: 2})
    with pytest.raises(ValueError, match="signed integers"):
        read_image(file, GREY)


def half_black(mode: str) -> Image.Image:
    """Return an image whose left half is black and whose right half is clear."""
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:, :4, 3] = 255
    image = Image.fromarray(pixels)
    if mode == "P":
        palette = Image.fromarray(np.repeat([[0] * 4 + [1] * 4], 8, axis=0).astype(np.uint8), "P")
        palette.putpalette([0, 0, 0, 10, 10, 10])
        return palette
    if mode in ("L", "RGB"):
        dark = Image.new("RGB", (8, 8))
        dark.paste((9, 9, 9), (4, 0, 8, 8))
        return dark.convert(mode)
    return image.convert(mode)


@pytest.mark.parametrize(
    ("mode", "file_format", "options"),
    [
        ("RGBA", "PNG", {}),
        ("RGBA", "TIFF", {}),
        ("RGBA", "WEBP", {"lossless": True, "exact": True}),
        ("LA", "PNG", {}),
        ("P", "PNG", {"transparency": 1}),
        ("P", "GIF", {"transparency": 1}),
        ("L", "PNG", {"transparency": 9}),
        ("RGB", "PNG", {"transparency": (9, 9, 9)}),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_transparent_shows_the_background(
    mode: str, file_format: str, options: dict[str, object], channels: int
):
    image = half_black(mode)
    for background, value in {"white": 1.0, "#333333": 0.2, "black": 0.0}.items():
        found = read_image(
            saved(image, file_format, **options), Look(8, channels, background=background)
        )
        expected = torch.tensor([0.0] * 4 + [value] * 4).expand(channels, 8, 8)
        torch.testing.assert_close(found.pixels, expected)
        assert found.transparent


def test_sixteen_bits_have_transparency_too():
    values = np.repeat([[0] * 4 + [65535] * 4], 8, axis=0).astype(np.uint16)
    file = saved(Image.fromarray(values), "PNG", transparency=0)
    found = read_image(file, Look(8, 1, background="#333333"))
    torch.testing.assert_close(found.pixels[0, 0], torch.tensor([0.2] * 4 + [1.0] * 4))


def test_an_opaque_image_is_what_it_is_without_an_alpha_channel():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 13, 3), np.uint8)
    plain = Image.fromarray(pixels)
    for channels in (1, 3):
        look = Look(8, channels)
        with_alpha = read_image(saved(plain.convert("RGBA"), "PNG"), look)
        assert not with_alpha.transparent
        assert torch.equal(with_alpha.pixels, read_image(saved(plain, "PNG"), look).pixels)


@pytest.mark.parametrize(
    ("mode", "file_format"),
    [("CMYK", "TIFF"), ("YCbCr", "TIFF"), ("LAB", "TIFF"), ("CMYK", "JPEG"), ("RGB", "BMP")],
)
def test_colour_spaces_are_converted(mode: str, file_format: str):
    image = Image.new("RGB", (8, 8), (200, 200, 200))
    if mode == "LAB":
        image = Image.merge("LAB", [Image.new("L", (8, 8), v) for v in (206, 128, 128)])
    found = read_image(saved(image.convert(mode), file_format), GREY).pixels
    torch.testing.assert_close(found, torch.full((1, 8, 8), 200 / 255), atol=0.02, rtol=0)
    assert read_image(saved(image.convert(mode), file_format), COLOUR).pixels.shape == (3, 8, 8)


@pytest.mark.parametrize(("file_format", "frames"), [("GIF", 3), ("TIFF", 3), ("PNG", 3)])
def test_the_first_frame_is_read_and_the_others_are_counted(file_format: str, frames: int):
    first, *more = (Image.new("L", (8, 8), 80 * number) for number in range(frames))
    found = read_image(saved(first, file_format, save_all=True, append_images=more), GREY)
    assert found.frames == frames
    assert torch.equal(found.pixels, torch.zeros(1, 8, 8))


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (7, 9)])
@pytest.mark.parametrize("values", [np.float32(0.5), np.uint8(128)])
def test_all_sizes_become_squares(fit: str, size: tuple[int, int], values: np.generic):
    image = Image.fromarray(np.full(size, values))
    found = read_image(saved(image, "TIFF"), Look(8, 3, fit, background="#808080"))
    torch.testing.assert_close(found.pixels, torch.full((3, 8, 8), 128 / 255), atol=0.003, rtol=0)
    assert found.lost == pytest.approx(1 - min(size) / max(size) if fit == "crop" else 0)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"%PDF-1"])
def test_what_is_no_image_is_refused(content: bytes, tmp_path: Path):
    for source in (io.BytesIO(content), tmp_path / "x.png"):
        if isinstance(source, Path):
            source.write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read as an image"):
            read_image(source, GREY)
