"""Makes splits from tensors and arrays, and says in words what is wrong with them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.errors import DataError, did_you_mean
from causalxai.image_data.split import DatasetParts, Split
from causalxai.image_data.stratified import stratified_split

Array: TypeAlias = "Tensor | NDArray[Any] | Sequence[Any]"
Given: TypeAlias = "Split | tuple[Array, Array] | tuple[Array, Array, Array]"
"""Images and labels, or images, labels and concepts."""

_CHANNELS = (1, 3)

_logger = logging.getLogger(__name__)


def parts_of_tensors(
    train: Given,
    test: Given | None,
    class_names: Sequence[str],
    concept_names: Sequence[str],
    test_fraction: float,
    rng: torch.Generator,
) -> DatasetParts:
    """Return the parts of a data set; without ``test``, a share of each class is drawn for it.

    Raises
    ------
    DataError
        If the tensors don't fit together, or have values that images, labels and concepts cannot
        have.
    """
    names = named(class_names)
    first = split_of(train, names, "images" if test is None else "train")
    if test is not None:
        second = split_of(test, names, "test")
        return DatasetParts(first, second, names, tuple(concept_names), held_out=True)
    return divided(first, names, concept_names, test_fraction, rng)


def divided(
    everything: Split,
    class_names: tuple[str, ...],
    concept_names: Sequence[str],
    test_fraction: float,
    rng: torch.Generator,
) -> DatasetParts:
    """Return the parts of a data set of which a share of each class is drawn for the test.

    Raises
    ------
    DataError
        If the share is not between 0 and 1, or there are no two images of a class.
    """
    train, test = drawn_rows(everything.labels, test_fraction, rng)
    return DatasetParts(everything[train], everything[test], class_names, tuple(concept_names))


def drawn_rows(labels: Tensor, test_fraction: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the rows for training and those drawn for the test, a share of each class.

    Raises
    ------
    DataError
        If the share is not between 0 and 1, or there are no two images of a class.
    """
    if not 0 < test_fraction < 1:
        raise DataError(f"test_fraction must be between 0 and 1, not {test_fraction}")
    train, test = stratified_split(labels, test_fraction, rng)
    if not len(test):
        raise DataError(
            f"{len(labels)} images are too few to draw test images from: no class has two; "
            "give the test images with test=..."
        )
    return train, test


def named(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of classes as a tuple; DataError if there are none, or one text."""
    if isinstance(class_names, str) or not class_names:
        raise DataError(
            f"class_names must have a name for each class, in the order of the labels, such as "
            f"['cat', 'dog'], not {class_names!r}"
        )
    return tuple(map(str, class_names))


def split_of(given: Given, class_names: tuple[str, ...], where: str) -> Split:
    """Return a split of what was given; ``where`` begins the messages."""
    if isinstance(given, Split):
        return given
    if not isinstance(given, tuple) or len(given) not in (2, 3):
        raise DataError(f"{where}: must be (images, labels) or (images, labels, concepts)")
    images = images_of(given[0], where)
    labels = labels_of(given[1], class_names, where)
    concepts = None if len(given) == 2 else concepts_of(given[2], where)
    counts = {"images": len(images), "labels": len(labels)}
    counts |= {} if concepts is None else {"rows of concepts": len(concepts)}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} {what}" for what, count in counts.items())
        raise DataError(f"{where}: there are {told}; their numbers must be the same")
    return Split(images, labels, concepts)


def images_of(given: Array, where: str, *, tell: bool = True) -> Tensor:
    """Return ``[n, c, h, w]``, float32 in [0, 1].

    Bytes are divided by 255, and channels that come last are moved to the front; the log says so,
    if ``tell``.

    Raises
    ------
    DataError
        If the images are of different sizes, have other dimensions or types, or values outside
        [0, 1].
    """
    images = _scaled(_stacked(given, where), where, tell)
    if images.dim() != 4:
        hint = "; of grey images add the channel: images[:, None]" if images.dim() == 3 else ""
        raise DataError(
            f"{where}: images must be [n, c, h, w] or [n, h, w, c], not {list(images.shape)}{hint}"
        )
    if images.shape[1] not in _CHANNELS:
        if images.shape[3] not in _CHANNELS:
            raise DataError(
                f"{where}: images must have one or three channels, [n, c, h, w] or [n, h, w, c], "
                f"and these are {list(images.shape)}"
            )
        if tell:
            _logger.info("%s: channels come last and are moved to the front", where)
        images = images.permute(0, 3, 1, 2).contiguous()
    _check_values(images, where)
    return images


def _scaled(images: Tensor, where: str, tell: bool) -> Tensor:
    """Return float32 on the CPU, bytes divided by 255; DataError if they are of another type."""
    if images.dtype == torch.uint8:
        if tell:
            _logger.info("%s: images are bytes and are divided by 255", where)
        return images.detach().cpu().float() / 255
    if not images.is_floating_point():
        raise DataError(
            f"{where}: images must be floats in [0, 1], or bytes (uint8) from 0 to 255, not "
            f"{images.dtype}"
        )
    return images.detach().cpu().float()


def _check_values(images: Tensor, where: str) -> None:
    """Check that images lie in [0, 1]; the DataError says what to do about others."""
    if not images.numel():
        return
    low, high = float(images.min()), float(images.max())
    if 0 <= low <= high <= 1:
        return
    if not low <= high:  # A comparison with NaN is false.
        row = int(images.isnan().flatten(1).any(dim=1).nonzero()[0])
        raise DataError(f"{where}: image {row} has values that are not numbers (NaN)")
    advice = (
        "give them as they are before they are standardised; the classifier does that, with "
        "mean=... and std=..."
        if low < 0
        else "divide them by the value of white, such as 255; a network that takes others gets "
        "scale=... in its classifier"
    )
    raise DataError(f"{where}: images must lie in [0, 1], not in [{low:g}, {high:g}]; {advice}")


def labels_of(given: Array, class_names: tuple[str, ...], where: str) -> Tensor:
    """Return ``[n]``, int64 class indices, of indices or of names.

    Raises
    ------
    DataError
        If there is no such class, or a label is not a whole number.
    """
    values = given.detach().cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)
    if values.ndim != 1:
        hint = "; of one row for each image take labels.argmax(1)" if values.ndim == 2 else ""
        raise DataError(f"{where}: labels must be [n], not {list(values.shape)}{hint}")
    if values.dtype.kind in "UO" and all(isinstance(name, str) for name in values):
        return torch.tensor([_index(str(name), class_names, where) for name in values])
    if values.dtype.kind not in "biuf" or not np.array_equal(values, np.rint(values)):
        raise DataError(
            f"{where}: labels must be class indices (whole numbers from 0) or names of classes"
        )
    wrong = np.flatnonzero((values < 0) | (values >= len(class_names)))
    if len(wrong):
        raise DataError(
            f"{where}: labels must be from 0 to {len(class_names) - 1}, for {len(class_names)} "
            f"class names, and that of image {wrong[0]} is {values[wrong[0]]:g} "
            f"({len(wrong)} of {len(values)} are outside)"
        )
    return torch.from_numpy(values.astype(np.int64))


def concepts_of(given: Array, where: str) -> Tensor:
    """Return ``[n, m]``, floats; whole numbers and truth values become floats.

    Raises
    ------
    DataError
        If they are no table of numbers, or one is missing.
    """
    try:
        table = torch.as_tensor(np.asarray(given) if isinstance(given, list | tuple) else given)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: concepts must be a table of numbers [n, m]: {error}") from error
    if table.dim() != 2:
        raise DataError(
            f"{where}: concepts must be [n, m], a row for each image, not {list(table.shape)}"
        )
    table = table.detach().cpu()
    table = table if table.is_floating_point() else table.float()
    if not bool(table.isfinite().all()):
        row, column = table.isfinite().logical_not().nonzero()[0].tolist()
        raise DataError(
            f"{where}: concept {column} of image {row} is {float(table[row, column])}; leave out "
            "images whose concepts are unknown"
        )
    return table


def _index(name: str, class_names: tuple[str, ...], where: str) -> int:
    if name not in class_names:
        near = did_you_mean(name, class_names)
        raise DataError(f"{where}: the label {name!r} is not one of class_names{near}")
    return class_names.index(name)


def _stacked(given: Array, where: str) -> Tensor:
    """Return one tensor of a tensor, an array or a list of them."""
    if isinstance(given, Tensor):
        return given
    if isinstance(given, Sequence):
        shapes = [tuple(np.shape(image)) for image in given]
        for row, shape in enumerate(shapes):
            if shape != shapes[0]:
                raise DataError(
                    f"{where}: all images must have one size, and image {row} is {list(shape)}, "
                    f"the first one {list(shapes[0])}; resize them"
                )
        given = np.stack([np.asarray(image) for image in given]) if shapes else np.zeros(0)
        return torch.from_numpy(given)
    try:
        # A copy, because PyTorch warns of arrays that cannot be written.
        return torch.from_numpy(np.array(given))
    except TypeError as error:
        raise DataError(f"{where}: images cannot be made into a tensor: {error}") from error
