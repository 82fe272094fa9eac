from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from causalxai.dataset import Split
from causalxai.errors import DataError
from causalxai.seeding import torch_generator
from causalxai_datasets.digit_classes import DigitClasses, grouped
from causalxai_datasets.digits import Digits
from causalxai_datasets.morpho import Morpho

PARITY = {"even": (0, 2, 4, 6, 8), "odd": (1, 3, 5, 7, 9)}


def some_digits() -> Split:
    """Images whose brightness tells the digit."""
    labels = torch.arange(40) % 10
    images = (labels / 10).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return Split(images, labels, groups=torch.arange(40))


def test_digits_get_the_label_of_their_class() -> None:
    split = grouped(some_digits(), PARITY)

    assert torch.equal(split.labels, torch.arange(40) % 2)
    assert torch.equal(split.images, some_digits().images)


def test_what_is_not_listed_is_left_out_with_all_that_belongs_to_it() -> None:
    split = grouped(some_digits(), {"eight": (8,), "three": (3,)})

    assert split.labels.tolist() == [1, 0] * 4
    assert split.images[:, 0, 0, 0].tolist() == pytest.approx([0.3, 0.8] * 4)
    assert split.groups is not None
    assert split.groups.tolist() == [3, 8, 13, 18, 23, 28, 33, 38]


def test_without_classes_nothing_changes() -> None:
    split = some_digits()

    assert grouped(split, None) is split


def test_a_class_without_images_is_told() -> None:
    with pytest.raises(DataError, match=r"none of 3 images is of the class 'nine'"):
        grouped(some_digits()[:3], {"zero": (0,), "nine": (9,)})


def test_labels_that_are_no_digits_are_told() -> None:
    with pytest.raises(DataError, match="0 to 9, not 12"):
        grouped(Split(torch.zeros(2, 1, 2, 2), torch.tensor([0, 12])), PARITY)


def test_digits_may_name_their_class_without_quotes() -> None:
    assert TypeAdapter(DigitClasses).validate_python({3: [3], 8: [8]}) == {"3": (3,), "8": (8,)}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"a": [1]}, "two classes or more, not 1"),
        ({"a": [1], "b": []}, "the class 'b' has no digit"),
        ({"a": [1, 2], "b": [2]}, "the digit 2 is in 'a' and again in 'b'"),
        ({"a": [1, 1], "b": [2]}, "the digit 1 is in 'a' and again in 'a'"),
        ({"a": [1], "b": [10]}, "less than or equal to 9"),
    ],
)
def test_wrong_classes_are_refused(wrong: dict[str, list[int]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(DigitClasses).validate_python(wrong)
    with pytest.raises(ValidationError, match=message):
        Digits(classes=wrong)


def test_morpho_still_draws_every_digit() -> None:
    data = Morpho(scenario="TI", limit=40, test_limit=10).load(rng=torch_generator(0))

    assert data.class_names == tuple("0123456789")
