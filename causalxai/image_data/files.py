"""Finds the images of a folder with a folder for each class."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from causalxai.errors import DataError

SUFFIXES = frozenset({
    ".apng", ".avif", ".bmp", ".dib", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm",
    ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp",
})  # fmt: skip
"""The endings of images, in any case."""

_DEEPEST = 50
_CLUTTER = frozenset({"desktop.ini", "thumbs.db"})
_PARTS = frozenset({"dev", "eval", "test", "testing", "train", "training", "val", "validation"})

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageFiles:
    """The images of a folder.

    Parameters
    ----------
    folder
        The folder of the class folders.
    by_class
        The images of each class, in the order of the names of classes and files. The class is the
        name of the folder directly in ``folder``; images may lie deeper.
    skipped
        The number of other files in the class folders, and of images beside these, by ending.
    """

    folder: Path
    by_class: dict[str, list[Path]]
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def files(self) -> list[Path]:
        """All images."""
        return [file for files in self.by_class.values() for file in files]

    @property
    def labels(self) -> list[str]:
        """The class of each image."""
        return [name for name, files in self.by_class.items() for _ in files]

    @classmethod
    def find(cls, folder: Path) -> ImageFiles:
        """List a folder; hidden files and folders are left out.

        Raises
        ------
        DataError
            If there is no such folder, it has no class folder, a class folder has no image, a name
            is not UTF-8, or something with the name of an image is not a file.
        """
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder")
        entries = sorted(path for path in _entries(folder) if not _hidden(path))
        classes = [path for path in entries if path.is_dir()]
        if not classes:
            raise DataError(f"{folder}: has no class folder (one folder of images for each class)")
        # Beside the class folders, only what could have been meant as an image is of interest.
        loose = (path for path in entries if not path.is_dir())
        skipped = Counter(_ending(path) for path in loose if path.suffix.lower() in SUFFIXES)
        by_class: dict[str, list[Path]] = {}
        for path in classes:
            found, others = _images_below(path)
            skipped += others
            if not found:
                raise DataError(f"{path}: has no image ({', '.join(sorted(SUFFIXES))})")
            by_class[path.name] = sorted(found)
        return cls(folder, by_class, skipped)

    def looks_like_a_split(self) -> str:
        """Return the name of a class that seems to be a part of the data, or an empty text."""
        for name, files in self.by_class.items():
            if name.lower() in _PARTS and all(file.parent.name != name for file in files):
                return name
        return ""

    def tell(self) -> None:
        """Log what was not taken as an image, and how many images lie deeper than usual."""
        if self.skipped:
            endings = ", ".join(f"{count} {ending}" for ending, count in self.skipped.most_common())
            _logger.warning(
                "%s: %d files are skipped, which are not images in class folders: %s",
                self.folder,
                self.skipped.total(),
                endings,
            )
        depth = len(self.folder.parts) + 2
        if deep := [file for file in self.files if len(file.parts) > depth]:
            _logger.info(
                "%s: %d of %d images lie in subfolders of the class folders, such as %s",
                self.folder,
                len(deep),
                len(self.files),
                deep[0].relative_to(self.folder),
            )


def images_in(folder: Path) -> list[Path]:
    """Return the images in a folder and its subfolders, in the order of their paths.

    Hidden files and folders are left out, and so are other files.

    Raises
    ------
    DataError
        If there is no such folder, it cannot be read, a name is not UTF-8, or something with the
        name of an image is not a file.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    return sorted(_images_below(folder)[0])


def _images_below(folder: Path) -> tuple[list[Path], Counter[str]]:
    """Return the images in a folder and its subfolders, and count other files."""
    found: list[Path] = []
    others: Counter[str] = Counter()
    for path in _files_below(folder, frozenset()):
        if path.suffix.lower() not in SUFFIXES:
            others[_ending(path)] += 1
        elif not path.is_file():
            raise DataError(f"{path}: is not a file, or a link to nothing")
        else:
            found.append(path)
    return found, others


def _files_below(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    """Yield everything that is not hidden, except folders; links to folders are followed."""
    here = os.path.realpath(folder)
    if here in above:
        raise DataError(f"{folder}: is a link to a folder that contains it")
    if len(above) > _DEEPEST:
        raise DataError(f"{folder}: folders are nested more than {_DEEPEST} times")
    for path in _entries(folder):
        if _hidden(path):
            continue
        if path.is_dir():
            yield from _files_below(path, above | {here})
        else:
            yield path


def _entries(folder: Path) -> list[Path]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from error
    for path in entries:
        try:
            path.name.encode()
        except UnicodeEncodeError:
            name = os.fsencode(path.name)
            raise DataError(f"{folder}: the name {name!r} is not UTF-8; rename it") from None
    return entries


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _CLUTTER


def _ending(path: Path) -> str:
    return path.suffix or "without an ending"
