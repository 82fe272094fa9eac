"""Pictures as small files that are written into a page: images, strips of images, and maps."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from causalxai.report.pictures import as_shown
from causalxai.report.plots import OPPOSE, SUPPORT

_LARGEST_IMAGE, _LARGEST_MAP = 224, 64
# Larger images are photographs more often than drawings, and ten times smaller as JPEG.
_LARGEST_PNG = 64
_JPEG_QUALITY = 85
# Each sign of a map has so many levels of opacity.
_LEVELS = 15


def inlined_image(image: Tensor, largest: int = _LARGEST_IMAGE) -> str:
    """Return an image as a ``data:`` address.

    Parameters
    ----------
    image
        ``[c, h, w]`` in [0, 1].
    largest
        The height in pixels to which a higher image is scaled down.
    """
    return inlined_strip([image], largest)


def inlined_strip(images: Sequence[Tensor], largest: int = _LARGEST_IMAGE) -> str:
    """Return images side by side as one ``data:`` address.

    Parameters
    ----------
    images
        Of one size, ``[c, h, w]`` in [0, 1].
    largest
        The height in pixels to which higher images are scaled down.
    """
    shown = [as_shown(image.cpu()).clamp(0, 1) for image in images]
    pixels = (torch.cat(shown, dim=1) * 255).round().to(torch.uint8)
    if pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    picture = Image.fromarray(pixels.numpy())
    height = images[0].shape[1]
    if height > largest:
        width = round(picture.width * largest / height)
        picture = picture.resize((width, largest), Image.Resampling.LANCZOS)
    if height <= _LARGEST_PNG:
        return _address(picture, "png", optimize=True)
    return _address(picture, "jpeg", quality=_JPEG_QUALITY, optimize=True)


def inlined_map(heat: Tensor) -> str:
    """Return a map that is laid over its image, as a ``data:`` address.

    Where it is strong it is opaque, and where it is 0 it is transparent: support in green,
    opposition in orange.

    Parameters
    ----------
    heat
        ``[h, w]``; the strongest value is opaque. Large maps are averaged over blocks of pixels.
    """
    values = heat.detach().double().cpu()
    if max(values.shape) > _LARGEST_MAP:
        share = _LARGEST_MAP / max(values.shape)
        height, width = (max(1, round(side * share)) for side in values.shape)
        values = functional.adaptive_avg_pool2d(values[None], (height, width))[0]
    levels = (values / (float(values.abs().max()) or 1.0) * _LEVELS).round().long()
    height, width = levels.shape
    entries = (levels + _LEVELS).to(torch.uint8).numpy().tobytes()
    picture = Image.frombytes("P", (width, height), entries)
    oppose, support = (list(bytes.fromhex(colour[1:])) for colour in (OPPOSE, SUPPORT))
    picture.putpalette(oppose * _LEVELS + support * (_LEVELS + 1))
    opaque = np.abs(np.arange(-_LEVELS, _LEVELS + 1)) / _LEVELS
    return _address(
        picture, "png", optimize=True, transparency=bytes((opaque * 255).round().astype(np.uint8))
    )


def _address(picture: Image.Image, kind: str, **settings: object) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **settings)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
