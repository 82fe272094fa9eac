"""Measured concept values of images, from a CSV file."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from causalxai.errors import DataError, did_you_mean


@dataclass(frozen=True)
class ConceptTable:
    """The values of some concepts for each image.

    Parameters
    ----------
    path
        The file from which they are read, for messages.
    names
        The ``m`` concepts.
    rows
        ``m`` values for each image, by its name.
    """

    path: Path
    names: tuple[str, ...]
    rows: dict[str, list[float]]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a CSV file with a header, the image's name first and a number for each concept.

        Raises
        ------
        DataError
            If the file cannot be read, a row is too long, too short or repeated, or a value is not
            a finite number; the message has the line.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file)
                lines = [(reader.line_num, cells) for cells in reader if cells]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path}: cannot be read: {error}") from error
        if not lines or len(lines[0][1]) < 2:
            raise DataError(f"{path}: the first line must name the image column and the concepts")
        names = tuple(name.strip() for name in lines[0][1][1:])
        if len(set(names)) < len(names) or "" in names:
            raise DataError(f"{path}: the names of concepts must be different and not empty")
        rows: dict[str, list[float]] = {}
        for line, (image, *cells) in lines[1:]:
            if image in rows:
                raise DataError(f"{path}:{line}: {image!r} is repeated")
            if len(cells) != len(names):
                raise DataError(f"{path}:{line}: {len(cells)} values for {len(names)} concepts")
            rows[image] = [
                _number(cell, f"{path}:{line}: {name}")
                for name, cell in zip(names, cells, strict=True)
            ]
        return cls(path, names, rows)

    def of(self, images: Iterable[str]) -> Tensor:
        """Return ``[n, m]``, the values of ``n`` images by name.

        They are float32 if that holds every number exactly, such as 0 and 1, and else float64:
        dates and numbers of items have more digits than float32 keeps.

        Raises
        ------
        DataError
            If the table lacks an image.
        """
        try:
            rows = [self.rows[image] for image in images]
        except KeyError as error:
            image = error.args[0]
            near = did_you_mean(image, list(self.rows))
            raise DataError(f"{self.path}: no row for the image {image!r}{near}") from None
        return exact_floats(torch.tensor(rows, dtype=torch.float64))


def exact_floats(values: Tensor) -> Tensor:
    """Return float32 if that holds every one of some float64 exactly, and else what was given."""
    return values.float() if torch.equal(values.float().double(), values) else values


def _number(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: {cell!r} is not a number that can be computed with")
    digits = cell.strip().lstrip("+-")
    if digits.isdecimal() and abs(int(digits)) != abs(value):
        raise DataError(
            f"{where}: {cell!r} has more digits than a 64-bit number keeps; subtract a constant "
            "from the column, or leave it out"
        )
    return value
