"""CelebA's lists of the attributes of each image, and of its part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from causalxai.errors import DataError, did_you_mean

_NAMED = 5


@dataclass(frozen=True)
class AttributeList:
    """The attributes of every image.

    Parameters
    ----------
    path
        The file from which they are read, for messages.
    names
        The ``m`` attributes.
    files
        The ``n`` images.
    values
        ``[n, m]``, booleans.
    """

    path: Path
    names: tuple[str, ...]
    files: tuple[str, ...]
    values: Tensor

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the count, the names, and for each image its file and 1 or -1 for each name.

        Raises
        ------
        DataError
            If the file cannot be read or a line is malformed; the message has the line.
        """
        lines = _lines(path)
        if len(lines) < 2 or not lines[0].strip().isdecimal():
            raise DataError(f"{path}:1: must be the number of images; line 2 names the attributes")
        names = tuple(lines[1].split())
        files: dict[str, None] = {}
        values = np.empty((len(lines) - 2, len(names)), dtype=bool)
        for number, line in enumerate(lines[2:], start=3):
            file, *cells = line.split() or [""]
            if len(cells) != len(names):
                raise DataError(f"{path}:{number}: {len(cells)} values for {len(names)} attributes")
            if odd := [cell for cell in cells if cell not in ("1", "-1")]:
                raise DataError(f"{path}:{number}: {odd[0]!r} is neither 1 nor -1")
            if file in files:
                raise DataError(f"{path}:{number}: {file!r} is repeated")
            files[file] = None
            values[number - 3] = [cell == "1" for cell in cells]
        if len(files) != int(lines[0]):
            raise DataError(f"{path}:1: promises {int(lines[0])} images, but {len(files)} follow")
        return cls(path, names, tuple(files), torch.from_numpy(values))

    def column(self, name: str) -> Tensor:
        """Return ``[n]``, int64: 1 if an image has the attribute, 0 if not.

        Raises
        ------
        DataError
            If there is no such attribute.
        """
        if name not in self.names:
            near = did_you_mean(name, self.names)
            raise DataError(
                f"{self.path}: no attribute {name!r}{near} (there are: {', '.join(self.names)})"
            )
        return self.values[:, self.names.index(name)].long()


def tell(what: str, names: Sequence[str], where: Path) -> None:
    """Raise DataError if there are such images; the message has the first few names.

    Parameters
    ----------
    what
        A description of these images.
    names
        Their names.
    where
        Where the problem is.
    """
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        count = "1 image is" if len(names) == 1 else f"{len(names)} images are"
        raise DataError(f"{where}: {count} {what}: {', '.join(names[:_NAMED])}{more}")


def read_partition(path: Path, files: Sequence[str]) -> list[int]:
    """Return the part of each image: 0 for training, 1 for validation, 2 for the test.

    Raises
    ------
    DataError
        If the file cannot be read, a line is malformed or images are missing.
    """
    parts: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        cells = line.split()
        if len(cells) != 2 or cells[1] not in ("0", "1", "2"):
            raise DataError(f"{path}:{number}: {line!r} is not an image with 0, 1 or 2")
        parts[cells[0]] = int(cells[1])
    tell("missing", [file for file in files if file not in parts], path)
    return [parts[file] for file in files]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
