"""Reads images that are named in a table of paths, labels and concepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from causalxai.errors import DataError, did_you_mean
from causalxai.image_data.concept_table import exact_floats
from causalxai.image_data.file_images import read_files
from causalxai.image_data.repeats import tell_repeats
from causalxai.image_data.settings import LookSettings
from causalxai.image_data.split import DatasetParts, Split
from causalxai.image_data.tensors import drawn_rows, named
from causalxai.progress import SILENT, Progress

if TYPE_CHECKING:
    import pandas as pd

_PARTS = ("train", "test")


@dataclass(frozen=True)
class ImageTable:
    """A table with a row for each image.

    Parameters
    ----------
    frame
        The table, a ``pandas.DataFrame``.
    where
        Its name in messages: of its file, or of the folder of the images.
    root
        The folder to which paths are relative.
    image, label
        The columns of the images' paths and of their classes.
    concepts
        The columns of measured concepts, which are numbers.
    part
        The column that says ``train`` or ``test``; ``None`` if test images are to be drawn.
    """

    frame: pd.DataFrame
    where: str
    root: Path
    image: str = "path"
    label: str = "label"
    concepts: tuple[str, ...] = ()
    part: str | None = None

    def read(
        self,
        settings: LookSettings,
        class_names: Sequence[str] | None,
        rng: torch.Generator,
        progress: Progress = SILENT,
    ) -> DatasetParts:
        """Read the images, or the headers of all where they would take too much memory.

        Raises
        ------
        DataError
            If a column, a value or an image is missing or not what it should be.
        """
        files, concepts = self._files(), self._concepts()
        labels, names = self._labels(class_names)
        read = read_files(files, settings.look, self.root, progress)
        everything = Split(read.images, labels, concepts)
        if self.part is None:
            train, test = drawn_rows(labels, settings.test_fraction, rng)
        else:
            train, test = self._given_parts()
        in_test = torch.isin(torch.arange(len(files)), test).tolist()
        told = [names[label] for label in labels.tolist()]
        tell_repeats(read.digests, told, in_test, self._column(self.image), read.digested)
        return DatasetParts(
            everything[train],
            everything[test],
            names,
            self.concepts,
            held_out=None if self.part is None else True,
        )

    def _column(self, name: str) -> list[Any]:
        """Return the values of a column; DataError if it is not there or a value is missing."""
        if name not in self.frame.columns:
            near = did_you_mean(name, [str(column) for column in self.frame.columns])
            raise DataError(f"{self.where}: there is no column {name!r}{near}")
        missing = self.frame[name].isna().to_numpy().nonzero()[0]
        if len(missing):
            raise DataError(f"{self.where}: row {missing[0]} has no {name!r}")
        values: list[Any] = self.frame[name].tolist()
        if not values:
            raise DataError(f"{self.where}: has no rows")
        return values

    def _files(self) -> list[Path]:
        files = [self.root / str(path) for path in self._column(self.image)]
        if absent := [file for file in files if not file.is_file()]:
            more = f" ({len(absent)} of {len(files)} are missing)" if len(absent) > 1 else ""
            raise DataError(f"{self.where}: there is no image {absent[0]}{more}")
        return files

    def _labels(self, class_names: Sequence[str] | None) -> tuple[Tensor, tuple[str, ...]]:
        """Return ``[n]`` class indices, and the classes: in alphabetical order, if not given."""
        values = self._column(self.label)
        if class_names is None:
            numbers = all(isinstance(value, int | float) for value in values)
            found = sorted(set(values)) if numbers else sorted({str(value) for value in values})
            names = tuple(map(str, found))
        else:
            names = named(class_names)
        if len(names) < 2:
            raise DataError(f"{self.where}: has one class, {names[0]!r}; a classifier needs two")
        for row, value in enumerate(values):
            if str(value) not in names:
                near = did_you_mean(str(value), names)
                raise DataError(f"{self.where}: row {row} has the unknown class {value!r}{near}")
        return torch.tensor([names.index(str(value)) for value in values]), names

    def _concepts(self) -> Tensor | None:
        if not self.concepts:
            return None
        columns = []
        for name in self.concepts:
            try:
                columns.append(torch.tensor([float(value) for value in self._column(name)],
                                            dtype=torch.float64))  # fmt: skip
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"{self.where}: the concept {name!r} must be numbers: {error}"
                ) from error
        table = torch.stack(columns, dim=1)
        if not bool(table.isfinite().all()):
            row, column = table.isfinite().logical_not().nonzero()[0].tolist()
            raise DataError(f"{self.where}: row {row} has no finite {self.concepts[column]!r}")
        return exact_floats(table)

    def _given_parts(self) -> tuple[Tensor, Tensor]:
        """Return the rows for training and for the test, by the column that says so."""
        assert self.part is not None
        values = [str(value) for value in self._column(self.part)]
        for row, value in enumerate(values):
            if value not in _PARTS:
                raise DataError(
                    f"{self.where}: row {row} has {value!r} in {self.part!r}, which must be train "
                    "or test; leave out the rows that are neither"
                )
        train, test = (torch.tensor([value == part for value in values]) for part in _PARTS)
        return train.nonzero()[:, 0], test.nonzero()[:, 0]


def read_csv(path: Path) -> pd.DataFrame:
    """Return a CSV file as a data frame; only empty cells are missing values.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    import pandas as pd

    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from error
