"""Reads one image of any kind as a square of numbers in [0, 1], and tells what was done to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, TypeAlias

import numpy as np
import torch
from PIL import Image, ImageColor, ImageOps
from torch import Tensor

Fit: TypeAlias = Literal["crop", "pad", "stretch"]

_WHITE_16 = 65535
_SAMPLE_FORMAT, _SIGNED = 339, 2  # A tag of TIFF, and its value for signed integers.


@dataclass(frozen=True)
class Look:
    """What images are made into.

    Parameters
    ----------
    size, channels, fit, background
        As in ``causalxai.image_data.settings.LookSettings``.
    """

    size: int
    channels: Literal[1, 3]
    fit: Fit = "crop"
    background: str = "white"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.channels, self.size, self.size


@dataclass(frozen=True)
class ReadImage:
    """An image as it was read.

    Parameters
    ----------
    pixels
        ``[channels, size, size]``, float32 in [0, 1].
    lost
        The share of the longer side that was cropped.
    transparent
        Whether the background was seen through it.
    frames
        The number of frames or pages, of which the first was read.
    brightest
        The highest value of an image of 16-bit integers, before it is scaled; else ``None``.
    """

    pixels: Tensor
    lost: float = 0.0
    transparent: bool = False
    frames: int = 1
    brightest: int | None = None


def read_image(source: Path | IO[bytes], look: Look) -> ReadImage:
    """Read an image; the first one, if the file has several.

    Integers of 8 and of 16 bits are scaled so that the highest possible one is 1. Floats are
    taken as they are and must lie in [0, 1]. Transparent images are laid on the background, and
    photographs are turned upright. Colour profiles are not applied.

    Raises
    ------
    ValueError
        If the file is not an image, is damaged, or has values of which it is unknown which is
        white: integers of 32 bits, signed integers, and floats outside [0, 1].
    """
    try:
        with Image.open(source) as file:
            _check_sign(file)
            frames = int(getattr(file, "n_frames", 1))
            upright = ImageOps.exif_transpose(file)
            image, brightest = _scaled(upright, file.format)
            transparent = image.has_transparency_data and _shows_background(image)
            plain = _in_channels(_opaque(image, look.background), look.channels)
            pixels = _square(plain, look)
    except Exception as error:
        # Pillow's decoders raise exceptions of many types if a file is damaged.
        raise ValueError(f"cannot be read as an image: {error or type(error).__name__}") from error
    shaped = pixels.reshape(look.size, look.size, look.channels).permute(2, 0, 1)
    return ReadImage(shaped, _lost(plain.size, look), transparent, frames, brightest)


@dataclass(frozen=True)
class ImageHeader:
    """What the header of a file says about its image.

    Parameters
    ----------
    lost
        The share of the longer side that will be cropped.
    transparent
        Whether pixels can be transparent.
    frames
        The number of frames or pages, of which the first is read.
    """

    lost: float = 0.0
    transparent: bool = False
    frames: int = 1


def read_header(source: Path | IO[bytes], look: Look) -> ImageHeader:
    """Read what comes before the pixels; damage in these is not noticed.

    Raises
    ------
    ValueError
        If the file is not an image.
    """
    try:
        with Image.open(source) as file:
            _check_sign(file)
            return ImageHeader(
                lost=_lost(file.size, look),
                transparent=bool(file.has_transparency_data),
                frames=int(getattr(file, "n_frames", 1)),
            )
    except Exception as error:
        # Pillow's decoders raise exceptions of many types if a file is damaged.
        raise ValueError(f"cannot be read as an image: {error or type(error).__name__}") from error


def _lost(size: tuple[int, int], look: Look) -> float:
    """Return the share of the longer side that is cropped."""
    return 0.0 if look.fit != "crop" else 1 - min(size) / max(size)


def _check_sign(file: Image.Image) -> None:
    """Refuse integers of 8 bits with a sign, of which Pillow ignores the sign."""
    tags = getattr(file, "tag_v2", {})
    formats = tags.get(_SAMPLE_FORMAT, ())
    signed = _SIGNED in (formats if isinstance(formats, tuple) else (formats,))
    if signed and file.mode != "I":
        raise ValueError("of signed integers it is unknown which one is white; store 8 or 16 bits")


def _scaled(image: Image.Image, file_format: str | None) -> tuple[Image.Image, int | None]:
    """Return an image of a mode that Pillow converts rightly, and the highest value of 16 bits."""
    if image.mode.startswith("I;16") or (image.mode == "I" and file_format in ("PNG", "PPM")):
        values = np.asarray(image)
        grey = Image.fromarray((values // (_WHITE_16 // 255)).astype(np.uint8))
        if isinstance(clear := image.info.get("transparency"), int):
            grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
        return grey, int(values.max())
    if image.mode == "I":
        raise ValueError(
            "of integers of 32 bits it is unknown which one is white; store 8 or 16 bits, or "
            "floats in [0, 1]"
        )
    if image.mode == "F":
        values = np.asarray(image)
        low, high = float(values.min()), float(values.max())
        # A comparison with NaN is false.
        if not 0 <= low <= high <= 1:
            raise ValueError(f"floats must lie in [0, 1], and these lie in [{low:g}, {high:g}]")
    if image.mode == "La":
        return image.convert("LA"), None
    return image, None


def _shows_background(image: Image.Image) -> bool:
    return bool(np.asarray(image.convert("RGBA").getchannel("A")).min() < 255)


def _opaque(image: Image.Image, background: str) -> Image.Image:
    """Return an image without transparency, laid on a background."""
    if not image.has_transparency_data:
        return image
    behind = Image.new("RGBA", image.size, ImageColor.getrgb(background))
    return Image.alpha_composite(behind, image.convert("RGBA")).convert("RGB")


def _in_channels(image: Image.Image, channels: int) -> Image.Image:
    if image.mode == "F":
        return image
    if channels == 3:
        return image.convert("RGB")
    # Pillow does not convert these to grey directly.
    return (image.convert("RGB") if image.mode in ("LAB", "HSV") else image).convert("L")


def _square(image: Image.Image, look: Look) -> Tensor:
    """Return ``[size, size, channels]`` or ``[size, size]``, in [0, 1]."""
    size, bilinear = (look.size, look.size), Image.Resampling.BILINEAR
    match look.fit:
        case "crop":
            square = ImageOps.fit(image, size, bilinear)
        case "stretch":
            square = image.resize(size, bilinear)
        case "pad":
            square = _padded(image, look)
    values = torch.from_numpy(np.array(square, np.float32))
    if image.mode != "F":
        return values / 255
    # Rounding may leave the interval by the last digit.
    return values.clamp(0, 1).unsqueeze(-1).expand(-1, -1, look.channels)


def _padded(image: Image.Image, look: Look) -> Image.Image:
    colour = Image.new("RGB", (1, 1), ImageColor.getrgb(look.background))
    if image.mode == "F":
        grey = colour.convert("L").getpixel((0, 0))
        assert isinstance(grey, int)
        behind = Image.new("F", (look.size, look.size), grey / 255)
    else:
        behind = colour.convert(image.mode).resize((look.size, look.size))
    inside = ImageOps.contain(image, (look.size, look.size), Image.Resampling.BILINEAR)
    behind.paste(inside, ((look.size - inside.width) // 2, (look.size - inside.height) // 2))
    return behind
