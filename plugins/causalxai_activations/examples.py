"""What a concept is learned from: labelled images of the data set, or folders of examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError, DataError
from causalxai.image_data.files import images_in
from causalxai.image_data.reading import Look, read_image

FEWEST = 10
"""The fewest images with a concept, and without it: some must be left to test the direction on."""


@dataclass(frozen=True)
class Examples:
    """Images with and without a concept, or with values of it.

    Parameters
    ----------
    name
        The concept's name.
    images
        ``[n, c, h, w]``.
    target
        ``[n]``: 1 with the concept and 0 without it, or its standardised values.
    boolean
        Whether the targets are 0 and 1.
    without
        What the images without the concept are, in words; empty if there are none.
    """

    name: str
    images: Tensor
    target: Tensor
    boolean: bool
    without: str = ""


def labelled_examples(dataset: Dataset, name: str, most: int, rng: torch.Generator) -> Examples:
    """Return training images with the values of one of the data set's concepts.

    Of a boolean concept, as many images with it as without it.

    Raises
    ------
    DataError
        If it does not vary, or one of its values has fewer than 10 images.
    """
    train = dataset.train
    assert train.concepts is not None  # The settings were checked.
    values = train.concepts[:, dataset.concept_names.index(name)].double()
    known = torch.isfinite(values).nonzero()[:, 0]
    boolean = bool(torch.isin(values[known], torch.tensor([0.0, 1.0]).double()).all())
    if boolean:
        rows = _balanced(values, known, most, rng, name)
        return Examples(name, train.images[rows], values[rows], True, "images without it")
    rows = known[torch.randperm(len(known), generator=rng)[:most]].sort().values
    chosen = values[rows]
    spread = float(chosen.std(correction=0)) if len(rows) else 0.0
    if len(rows) < 2 * FEWEST or spread == 0:
        raise DataError(
            f"concepts: {name!r} has {len(rows)} known values in the training images with a "
            f"standard deviation of {spread:g}; at least {2 * FEWEST} that differ are needed"
        )
    return Examples(name, train.images[rows], (chosen - chosen.mean()) / spread, False)


def _balanced(values: Tensor, known: Tensor, most: int, rng: torch.Generator, name: str) -> Tensor:
    groups = [known[values[known] == value] for value in (1, 0)]
    count = min(*map(len, groups), most // 2)
    if count < FEWEST:
        raise DataError(
            f"concepts: {name!r} has {len(groups[0])} training images with it and "
            f"{len(groups[1])} without it; at least {FEWEST} of each are needed"
        )
    rows = [group[torch.randperm(len(group), generator=rng)[:count]] for group in groups]
    return torch.cat(rows).sort().values


def shown_examples(
    dataset: Dataset, name: str, files: list[Path], most: int, rng: torch.Generator
) -> Examples:
    """Return the user's own examples, and as many random training images as images without it.

    Raises
    ------
    DataError
        If a file cannot be read.
    """
    look = _look(dataset)
    files = [files[i] for i in torch.randperm(len(files), generator=rng)[: most // 2].tolist()]
    images = torch.stack([_read(file, look) for file in files])
    rows = torch.randperm(len(dataset.train), generator=rng)[: len(files)]
    others = dataset.train.images[rows]
    target = torch.cat([torch.ones(len(images)), torch.zeros(len(others))]).double()
    return Examples(name, torch.cat([images, others]), target, True, "random training images")


def files_of(examples: Mapping[str, Path]) -> dict[str, list[Path]]:
    """Return the images of each folder.

    Raises
    ------
    DataError
        If a folder is missing or has fewer than 10 images.
    """
    found = {}
    for name, folder in examples.items():
        setting = f"concepts.examples.{name}"
        try:
            found[name] = images_in(folder)
        except DataError as error:
            raise _of_setting(setting, str(error)) from error
        if (count := len(found[name])) < FEWEST:
            raise _of_setting(setting, f"{folder} has {count} images; at least {FEWEST} are needed")
    return found


def _of_setting(setting: str, fault: str) -> DataError:
    error = DataError(f"{setting}: {fault}")
    error.setting = setting
    return error


def check_shape(image_shape: tuple[int, int, int]) -> None:
    """Raise CapabilityError unless files can be read in the shape of the data set's images."""
    channels, height, width = image_shape
    if channels not in (1, 3) or height != width:
        raise CapabilityError(
            "concepts.examples: pictures are read as squares with 1 or 3 channels, and the data "
            f"set's images are {channels} x {height} x {width}; use its labelled concepts"
        )


def _look(dataset: Dataset) -> Look:
    channels, size, _ = dataset.image_shape
    return Look(size, 1 if channels == 1 else 3)


def _read(file: Path, look: Look) -> Tensor:
    try:
        return read_image(file, look).pixels
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error
