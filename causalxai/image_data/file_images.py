"""Reads images from files, and tells what was done to them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from causalxai.errors import DataError
from causalxai.image_data.reading import Look, ReadImage, read_image
from causalxai.image_data.repeats import digest_of
from causalxai.progress import SILENT, Progress

# With fewer of the 65535 grey values it is likely that 12 bits are stored in 16.
_DARK = 65535 // 8

_logger = logging.getLogger(__name__)


def read_files(
    files: Sequence[Path], look: Look, where: Path, progress: Progress = SILENT
) -> tuple[Tensor, list[str]]:
    """Return images ``[n, c, size, size]``, and a digest of each.

    Parameters
    ----------
    files
        ``n`` files.
    look
        What the images are made into.
    where
        The folder or table that names the files, for the log.
    progress
        Receives the number of images that are read.

    Raises
    ------
    DataError
        If a file cannot be read as an image.
    """
    images = torch.empty(len(files), look.channels, look.size, look.size)
    read: list[ReadImage] = []
    digests = []
    with progress.task("read images", total=len(files)) as advance:
        for image, file in zip(images, files, strict=True):
            found = _read(file, look)
            image.copy_(found.pixels)
            digests.append(digest_of(found.pixels))
            read.append(replace(found, pixels=image))
            advance(1)
    _tell(read, look, where)
    return images, digests


def _read(file: Path, look: Look) -> ReadImage:
    try:
        return read_image(file, look)
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error


def _tell(read: Sequence[ReadImage], look: Look, where: Path) -> None:
    """Log what was done to the images."""
    total = len(read)
    if cropped := [image.lost for image in read if image.lost]:
        _logger.info(
            "%s: %d of %d images are not square, and up to %.0f %% of their longer side is cut "
            "off (fit: crop; others are pad and stretch)",
            where, len(cropped), total, 100 * max(cropped),
        )  # fmt: skip
    if transparent := sum(image.transparent for image in read):
        _logger.info(
            "%s: %d of %d images are transparent and are laid on %s (background)",
            where, transparent, total, look.background,
        )  # fmt: skip
    if several := sum(image.frames > 1 for image in read):
        _logger.info(
            "%s: %d of %d images have several frames or pages, of which the first is read",
            where, several, total,
        )  # fmt: skip
    deep = [image.brightest for image in read if image.brightest is not None]
    if deep and max(deep) < _DARK:
        _logger.warning(
            "%s: the highest value of %d images of 16 bits is %d, and 65535 is white, so that "
            "they are nearly black; are these 12 bits in 16?",
            where, len(deep), max(deep),
        )  # fmt: skip
