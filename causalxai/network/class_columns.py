"""Which of a network's outputs belong to the classes that are asked about."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from causalxai.errors import ContractError, did_you_mean

ClassColumns: TypeAlias = (
    Sequence[int] | Mapping[str, int] | Mapping[int, str] | str | PathLike[str] | None
)
"""Numbers of outputs, numbers by name, the names of all by number, or a file with these names."""

_SYNSET = re.compile(r"(n\d{8})\s+(.+)")
"""A line of a file of ImageNet's names that begins with the number in WordNet."""


def class_columns(classes: ClassColumns, class_names: Sequence[str]) -> tuple[int, ...] | None:
    """Return for each class the number of its output, counted from 0.

    Parameters
    ----------
    classes
        The numbers in the order of the class names; a mapping of names to numbers; the names of
        all outputs by number, as ``id2label`` in configs of Hugging Face; or a file with the names
        of all outputs in their order: one in each line, or a list or a mapping in JSON. A name may
        be several, divided by commas, as ImageNet's are. ``None`` if the outputs are the classes.
    class_names
        The ``K`` names.

    Raises
    ------
    ContractError
        If a class has no output, or several may be meant; the message names it.
    """
    if classes is None:
        return None
    if isinstance(classes, str | PathLike):
        path = Path(classes)
        found = _from_names(_names_in(path), class_names, str(path))
    elif isinstance(classes, Mapping):
        found = _from_mapping(classes, class_names)
    else:
        found = _in_order(classes)
        if len(found) != len(class_names):
            raise ContractError(
                f"classes has {len(found)} numbers, but there are {len(class_names)} class names"
            )
    for number in found:
        if not isinstance(number, Integral) or isinstance(number, bool) or number < 0:
            raise ContractError(
                f"classes must give numbers of outputs, counted from 0, not {number!r}"
            )
    found = tuple(map(int, found))
    twice = [number for number in found if found.count(number) > 1]
    if twice:
        named = [class_names[i] for i, number in enumerate(found) if number == twice[0]]
        raise ContractError(f"output {twice[0]} cannot be each of the classes {', '.join(named)}")
    return found


def _in_order(classes: Any) -> tuple[Any, ...]:
    values = classes.tolist() if hasattr(classes, "tolist") else classes
    if not isinstance(values, Sequence):
        raise ContractError(
            "classes must be numbers of outputs in the order of the class names, a mapping of "
            f"names to numbers or of numbers to names, or a file of names, not {classes!r}"
        )
    return tuple(values)


def _from_mapping(classes: Mapping[Any, Any], class_names: Sequence[str]) -> tuple[Any, ...]:
    if not all(isinstance(key, Integral) for key in classes):
        return tuple(_number(classes, name) for name in class_names)
    # As id2label in configs of Hugging Face.
    numbers = [int(key) for key in classes]
    if sorted(numbers) != list(range(len(numbers))):
        raise ContractError("classes must have the name of each output, from 0 on, without a gap")
    names = [str(classes[number]) for number in range(len(numbers))]
    return _from_names(names, class_names, "classes")


def _number(numbers: Mapping[str, int], name: str) -> int:
    if name not in numbers:
        raise ContractError(f"classes has no {name!r}{did_you_mean(name, [*numbers])}")
    return numbers[name]


def _names_in(path: Path) -> list[str]:
    """Return the names of all outputs, as the lines of a file or a JSON document have them."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".json":
            return [line.strip() for line in text.rstrip().splitlines()]
        return _names_of(json.loads(text))
    except OSError as error:
        raise ContractError(f"{path}: the names of the classes cannot be read: {error}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ContractError(
            f"{path}: must be a list of the names of all outputs, or a mapping of their numbers, "
            "0, 1, ..., to their names"
        ) from error


def _names_of(found: Any) -> list[str]:
    if isinstance(found, dict):
        if all(isinstance(number, int) for number in found.values()):
            found = {number: name for name, number in found.items()}
        by_number = {int(number): name for number, name in found.items()}
        found = [by_number[number] for number in range(len(by_number))]
    if not isinstance(found, list):
        raise TypeError
    # ImageNet's file in Keras has pairs of the number in WordNet and the name.
    return [", ".join(name) if isinstance(name, list) else str(name) for name in found]


def _from_names(names: Sequence[str], class_names: Sequence[str], origin: str) -> tuple[int, ...]:
    known: dict[str, set[int]] = {}
    for number, name in enumerate(names):
        for alias in _aliases(name):
            known.setdefault(alias, set()).add(number)
    found = []
    for name in class_names:
        numbers = known.get(_plain(name), set())
        if not numbers:
            raise ContractError(
                f"{origin} has no class {name!r}{did_you_mean(_plain(name), [*known])}"
            )
        if len(numbers) > 1:
            which = ", ".join(map(str, sorted(numbers)))
            raise ContractError(
                f"{origin} has {name!r} for the outputs {which}: give the numbers of the outputs, "
                "or name the class otherwise"
            )
        found.append(next(iter(numbers)))
    return tuple(found)


def _aliases(line: str) -> set[str]:
    numbered = _SYNSET.fullmatch(line)
    first, rest = numbered.groups() if numbered else (line, line)
    return {_plain(name) for name in (first, rest, *rest.split(","))}


def _plain(name: str) -> str:
    return name.replace("_", " ").strip().casefold()
