"""Reads images from files, at once or when they are asked for, and tells what was done to them."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from joblib import Parallel, delayed
from torch import Tensor

from causalxai.errors import DataError
from causalxai.image_data.lazy import Images, LazyImages, fits_in_memory
from causalxai.image_data.reading import Look, ReadImage, read_header, read_image
from causalxai.image_data.repeats import digest_of
from causalxai.progress import SILENT, Progress

# With fewer of the 65535 grey values it is likely that 12 bits are stored in 16.
_DARK = 65535 // 8
_FEW = 8
_GB = 10**9

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileImages:
    """Images of files.

    Parameters
    ----------
    images
        ``[n, c, size, size]``; lazy where they would take too much memory.
    digests
        A digest of each image's pixels, or of its file.
    digested
        What the digests are of: ``pixels`` or ``file contents``.
    """

    images: Images
    digests: list[str]
    digested: str


def read_files(
    files: Sequence[Path], look: Look, where: Path, progress: Progress = SILENT
) -> FileImages:
    """Read images, or the headers of all files where the images would take too much memory.

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
    if fits_in_memory(len(files), look.image_shape):
        return _read_now(files, look, where, progress)
    return _read_later(files, look, where, progress)


@dataclass(frozen=True)
class FileReader:
    """Reads images by their numbers, with as many threads as there are cores.

    Parameters
    ----------
    files
        The file of each image.
    look
        What the images are made into.
    """

    files: tuple[Path, ...]
    look: Look

    def __call__(self, numbers: list[int]) -> Tensor:
        """Return ``[k, c, size, size]``; DataError if a file cannot be read as an image."""
        images = torch.empty(len(numbers), *self.look.image_shape)
        run = Parallel(n_jobs=-1 if len(numbers) > _FEW else 1, prefer="threads")
        parts = (delayed(_read)(self.files[number], self.look) for number in numbers)
        for image, found in zip(images, run(parts), strict=True):
            image.copy_(found.pixels)
        return images


def _read_now(files: Sequence[Path], look: Look, where: Path, progress: Progress) -> FileImages:
    images = torch.empty(len(files), *look.image_shape)
    read: list[ReadImage] = []
    digests = []
    with progress.task("read images", total=len(files)) as advance:
        for image, file in zip(images, files, strict=True):
            found = _read(file, look)
            image.copy_(found.pixels)
            digests.append(digest_of(found.pixels))
            read.append(replace(found, pixels=image))
            advance(1)
    _tell_cropped([image.lost for image in read], where)
    _tell_transparent("are", sum(image.transparent for image in read), len(read), look, where)
    _tell_frames([image.frames for image in read], where)
    _tell_dark([image.brightest for image in read if image.brightest is not None], where)
    return FileImages(images, digests, "pixels")


def _read_later(files: Sequence[Path], look: Look, where: Path, progress: Progress) -> FileImages:
    headers = []
    digests = []
    with progress.task("read headers of images", total=len(files)) as advance:
        for file in files:
            try:
                headers.append(read_header(file, look))
                with file.open("rb") as content:
                    digests.append(hashlib.file_digest(content, "sha256").hexdigest())
            except (ValueError, OSError) as error:
                raise DataError(f"{file}: {error}") from error
            advance(1)
    size = 4 * len(files) * math.prod(look.image_shape) / _GB
    _logger.info(
        "%s: %d images of %d px would take %.1f GB and are read when they are needed; damaged "
        "pixels are noticed then, and images that occur twice are found by the files' contents",
        where, len(files), look.size, size,
    )  # fmt: skip
    _tell_cropped([header.lost for header in headers], where)
    transparent = sum(header.transparent for header in headers)
    _tell_transparent("can be", transparent, len(headers), look, where)
    _tell_frames([header.frames for header in headers], where)
    source = hashlib.sha256(f"{look} {digests}".encode()).hexdigest()
    images = LazyImages(
        FileReader(tuple(files), look), look.image_shape, torch.arange(len(files)), source
    )
    return FileImages(images, digests, "file contents")


def _read(file: Path, look: Look) -> ReadImage:
    try:
        return read_image(file, look)
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error


def _tell_cropped(lost: Sequence[float], where: Path) -> None:
    if cropped := [share for share in lost if share]:
        _logger.info(
            "%s: %d of %d images are not square, and up to %.0f %% of their longer side is cut "
            "off (fit: crop; others are pad and stretch)",
            where, len(cropped), len(lost), 100 * max(cropped),
        )  # fmt: skip


def _tell_transparent(known: str, transparent: int, total: int, look: Look, where: Path) -> None:
    if transparent:
        _logger.info(
            "%s: %d of %d images %s transparent and are laid on %s (background)",
            where, transparent, total, known, look.background,
        )  # fmt: skip


def _tell_frames(frames: Sequence[int], where: Path) -> None:
    if several := sum(count > 1 for count in frames):
        _logger.info(
            "%s: %d of %d images have several frames or pages, of which the first is read",
            where, several, len(frames),
        )  # fmt: skip


def _tell_dark(brightest: Sequence[int], where: Path) -> None:
    if brightest and max(brightest) < _DARK:
        _logger.warning(
            "%s: the highest value of %d images of 16 bits is %d, and 65535 is white, so that "
            "they are nearly black; are these 12 bits in 16?",
            where, len(brightest), max(brightest),
        )  # fmt: skip
