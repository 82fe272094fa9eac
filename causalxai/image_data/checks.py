"""Checks what a data set is made of, and names what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from unicodedata import category

from causalxai.errors import DataError
from causalxai.image_data.lazy import LazyImages
from causalxai.image_data.split import Split


def check_splits(
    splits: Mapping[str, Split], class_names: tuple[str, ...], concept_names: tuple[str, ...]
) -> None:
    """Check that the splits of a data set are sound, and that they fit together and to the names.

    Parameters
    ----------
    splits
        By their names in messages; the first is that for training.
    class_names, concept_names
        The names of the classes and of the concepts.

    Raises
    ------
    DataError
        If a split or a name is unsound; the message says which one, and why.
    """
    _check_names("concept", concept_names)
    _check_names("class", class_names)
    (first, train), *_ = splits.items()
    for name, split in splits.items():
        _check_images(name, split, len(class_names))
        _check_concepts(name, split, concept_names)
        if split.images.shape[1:] != train.images.shape[1:]:
            raise DataError(
                f"{first} images are {list(train.images.shape[1:])}, "
                f"{name} images {list(split.images.shape[1:])}"
            )


def _check_names(kind: str, names: tuple[str, ...]) -> None:
    """Check that names are unique, not blank, and can be printed and stored."""
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"{kind} names must be unique; {twice[0]!r} occurs more than once")
    for number, name in enumerate(names):
        if not name.strip():
            raise DataError(f"{kind} names must not be blank, as that of {kind} {number} is")
        if unfit := [sign for sign in name if _cannot_be_stored(sign)]:
            raise DataError(
                f"the {kind} name {name!r} has the character {unfit[0]!r}, which no text can show"
            )


def _cannot_be_stored(sign: str) -> bool:
    """Return whether a character is a control, half of a surrogate pair, or a noncharacter."""
    return sign not in "\n\t" and (category(sign) in ("Cc", "Cs") or sign in "\ufffe\uffff")


def _check_images(name: str, split: Split, classes: int) -> None:
    """Check the images, the labels and the groups of a split."""
    if not len(split):
        raise DataError(f"the {name} split has no images")
    if split.images.dim() != 4 or len(split.labels) != len(split):
        raise DataError(
            f"{name}: images must be [n, c, h, w] with n labels, not "
            f"{list(split.images.shape)} with {len(split.labels)}"
        )
    # The reader of lazy images returns them in [0, 1].
    if not isinstance(split.images, LazyImages):
        low, high = float(split.images.min()), float(split.images.max())
        if not (0 <= low <= high <= 1):
            raise DataError(f"{name}: images must lie in [0, 1], not in [{low:g}, {high:g}]")
    if int(split.labels.min()) < 0 or int(split.labels.max()) >= classes:
        raise DataError(f"{name}: labels must be from 0 to {classes - 1}")
    if split.groups is not None and len(split.groups) != len(split):
        raise DataError(f"{name}: {len(split.groups)} groups for {len(split)} images")


def _check_concepts(name: str, split: Split, names: tuple[str, ...]) -> None:
    """Check that concepts are tables of floats with a named column for each, or with none."""
    for kind, values in {"concepts": split.concepts, "set_concepts": split.set_concepts}.items():
        if values is None:
            continue
        if values.dim() != 2 or len(values) != len(split):
            raise DataError(
                f"{name}: {kind} must be [n, m] with a row for each of {len(split)} images, not "
                f"{list(values.shape)}"
            )
        if not values.is_floating_point():
            raise DataError(
                f"{name}: {kind} must be floats, not {values.dtype}; convert them with .float()"
            )
        if values.shape[1] not in (0, len(names)):
            raise DataError(f"{name}: {values.shape[1]} {kind}, but {len(names)} names")
