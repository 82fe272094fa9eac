"""Classes of digits as grouped by users, such as two digits only, or even and odd ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, TypeAlias

import torch
from pydantic import AfterValidator, BeforeValidator, Field

from causalxai.dataset import Split
from causalxai.errors import DataError

Digit: TypeAlias = Annotated[int, Field(ge=0, le=9)]

ALL_DIGITS: Mapping[str, tuple[int, ...]] = {str(digit): (digit,) for digit in range(10)}
"""A class for each digit."""


def _check(classes: Mapping[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
    if len(classes) < 2:
        raise ValueError(f"there must be two classes or more, not {len(classes)}")
    owner: dict[int, str] = {}
    for name, digits in classes.items():
        if not digits:
            raise ValueError(f"the class {name!r} has no digit")
        for digit in digits:
            if digit in owner:
                raise ValueError(f"the digit {digit} is in {owner[digit]!r} and again in {name!r}")
            owner[digit] = name
    return classes


def _as_text(name: object) -> object:
    """Convert class names that YAML reads as numbers, such as 3, to text."""
    return str(name) if type(name) is int else name


_ClassName: TypeAlias = Annotated[str, BeforeValidator(_as_text)]

DigitClasses: TypeAlias = Annotated[Mapping[_ClassName, tuple[Digit, ...]], AfterValidator(_check)]
"""The digits of each class, by its name; each digit at most once, and others are left out."""


def grouped(split: Split, classes: Mapping[str, tuple[int, ...]] | None) -> Split:
    """Return the digits of some classes, labelled by class.

    Parameters
    ----------
    split
        Digits, labelled 0 to 9.
    classes
        As ``DigitClasses``, in the order of the new labels. ``None`` keeps every digit as a class.

    Raises
    ------
    DataError
        If a class has no image, or a label is no digit.
    """
    if classes is None:
        return split
    if len(split) and int(split.labels.max()) > 9:
        raise DataError(f"digits are labelled 0 to 9, not {int(split.labels.max())}")
    new = torch.full((10,), -1)
    for label, digits in enumerate(classes.values()):
        new[list(digits)] = label
    labels = new[split.labels]
    kept = labels >= 0
    for label, name in enumerate(classes):
        if not bool((labels == label).any()):
            raise DataError(f"none of {len(split)} images is of the class {name!r}")
    return replace(split[kept], labels=labels[kept])
