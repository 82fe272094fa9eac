from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier, Dataset, Split
from causalxai.config import ImageSelection
from causalxai.errors import CapabilityError
from causalxai.live.images import given_images
from causalxai.pipeline.images import images_of, select_images

NAMES = ("ant", "bee", "cat")
PER_CLASS, WRONG = 10, 3  # Of each class's images the first three are taken for the next class.


class Told(nn.Module):
    """Reads the class that it is to predict from the first pixel."""

    def forward(self, images: Tensor) -> Tensor:
        said = (images[:, 0, 0, 0] * 10).round()
        return -(said[:, None] - torch.arange(3.0)).abs()


CLASSIFIER = Classifier(Told(), class_names=NAMES, image_shape=(1, 1, 2))


def split(offset: float) -> Split:
    """The second pixel is the image's own number."""
    labels = torch.arange(3).repeat_interleave(PER_CLASS)
    number = torch.arange(len(labels))
    wrong = number % PER_CLASS < WRONG
    said = (labels + wrong) % 3
    pixels = torch.stack([said / 10, offset + number / 100], dim=1)
    return Split(pixels.view(-1, 1, 1, 2), labels)


DATASET = Dataset(train=split(0.5), test=split(0.0), class_names=NAMES)


def select(seed: int = 0, **settings: Any) -> tuple[list[int], list[int], list[int]]:
    """Return the chosen images' numbers, labels and targets."""
    rng = torch.Generator().manual_seed(seed)
    images, target = select_images(ImageSelection(**settings), CLASSIFIER, DATASET, rng)
    numbers = (images[:, 0, 0, 1] * 100).round().long()
    return numbers.tolist(), (numbers % 50 // PER_CLASS).tolist(), target.tolist()


@pytest.mark.parametrize(
    ("count", "classes", "labels"),
    [
        (6, None, [0, 0, 1, 1, 2, 2]),
        (8, None, [0, 0, 0, 1, 1, 1, 2, 2]),
        (2, None, [0, 1]),
        (5, ["cat", "ant"], [2, 2, 2, 0, 0]),
    ],
)
def test_images_are_spread_evenly_over_the_classes(
    count: int, classes: list[str] | None, labels: list[int]
):
    numbers, chosen, _ = select(count=count, classes=classes)
    assert chosen == labels
    assert len(set(numbers)) == count


@pytest.mark.parametrize(
    ("only", "fits"),
    [("correct", PER_CLASS - WRONG), ("errors", WRONG), ("any", PER_CLASS)],
)
def test_only_images_that_fit_are_taken_and_no_more_than_there_are(only: str, fits: int):
    numbers, labels, _ = select(count=999, only=only)
    assert len(set(numbers)) == len(numbers) == 3 * fits
    assert [labels.count(k) for k in range(3)] == [fits] * 3
    is_error = [number % PER_CLASS < WRONG for number in numbers]
    assert only == "any" or set(is_error) == {only == "errors"}


def test_the_target_is_what_is_said_or_what_is_right():
    _, labels, predicted = select(only="errors", target="predicted", count=9)
    assert predicted == [(label + 1) % 3 for label in labels]
    _, labels, right = select(only="errors", target="label", count=9)
    assert right == labels


def test_images_come_from_the_split_that_is_asked_for():
    assert all(number < 50 for number in select(split="test", count=9)[0])
    assert all(number >= 50 for number in select(split="train", count=9)[0])


def test_the_generator_decides_which_images():
    assert select(seed=1, count=6) == select(seed=1, count=6)
    assert select(seed=1, count=6) != select(seed=2, count=6)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"count": 6}, []),
        ({"count": 9, "only": "errors"}, []),
        (
            {"count": 10, "only": "errors", "split": "train"},
            [
                "images: 9 of the 10 asked for: some classes have no more in train that fit "
                "only: errors"
            ],
        ),
        ({"count": 1}, ["images: 2 of 3 classes get none of the 1 images: bee, cat"]),
    ],
)
def test_gaps_are_told_with_numbers(
    settings: dict[str, Any], told: list[str], caplog: pytest.LogCaptureFixture
):
    select(**settings)
    assert caplog.messages == told
    assert all(record.levelname == "WARNING" for record in caplog.records)


def test_classes_without_a_fitting_image_are_told(caplog: pytest.LogCaptureFixture):
    some = Split(DATASET.test.images[:PER_CLASS], DATASET.test.labels[:PER_CLASS])
    many = tuple(f"c{k}" for k in range(30))
    model = nn.Sequential(Told(), nn.ConstantPad1d((0, 27), -100.0))
    classifier = Classifier(model, class_names=many, image_shape=(1, 1, 2))
    dataset = Dataset(train=some, test=some, class_names=many)
    select_images(ImageSelection(count=60), classifier, dataset, torch.Generator())
    short, none = caplog.messages
    assert short.startswith("images: 2 of the 60 asked for: some classes have no more in test ")
    assert none.startswith("images: 29 of 30 classes get none of the 2 images: c1, c2, ")
    assert none.endswith(", c20, …")


def test_an_unknown_class_is_told_with_the_nearest():
    with pytest.raises(CapabilityError) as raised:
        select(classes=["ant", "bees"])
    told = (
        "images.classes: there is no class 'bees'; did you mean 'bee'? (there are: ant, bee, cat)"
    )
    assert str(raised.value) == told


def test_images_that_are_not_there_are_told():
    ants = Split(DATASET.test.images[WRONG:PER_CLASS], DATASET.test.labels[WRONG:PER_CLASS])
    dataset = Dataset(train=ants, test=ants, class_names=NAMES)
    for settings in ({"only": "errors"}, {"classes": ["cat"]}):
        with pytest.raises(CapabilityError, match="no test image fits only: "):
            select_images(ImageSelection(**settings), CLASSIFIER, dataset, torch.Generator())


@pytest.mark.parametrize(
    ("target", "expected"), [("cat", [2, 2, 2]), (1, [1, 1, 1]), ("label", [0, 1, 2])]
)
def test_the_class_to_explain_can_be_asked_for(target: Any, expected: list[int]) -> None:
    assert select(count=3, only="errors", target=target)[2] == expected


def test_fewer_images_than_classes_are_taken_from_classes_that_have_some() -> None:
    test = DATASET.test[DATASET.test.labels == 2]
    rng = torch.Generator().manual_seed(0)
    only_cats = Dataset(DATASET.train, test, NAMES)
    images, target = select_images(ImageSelection(count=2), CLASSIFIER, only_cats, rng)
    assert len(images) == 2 and target.tolist() == [2, 2]
    numbers = (images[:, 0, 0, 1] * 100).round()
    assert numbers.min() >= 2 * PER_CLASS and len(set(numbers.tolist())) == 2


def test_of_given_images_the_class_can_be_asked_for() -> None:
    some, rng = DATASET.test[:2], torch.Generator()

    def targets(given: Any, target: Any) -> list[int]:
        return images_of(given_images(given, target), CLASSIFIER, DATASET, rng)[1].tolist()

    assert targets(some, None) == targets(some, "predicted") == [1, 1]
    assert targets(some, "label") == [0, 0]
    assert targets(some.images, ["cat", 0]) == [2, 0]
    with pytest.raises(CapabilityError, match="labels of these images are not known; give a Split"):
        targets(some.images, "label")
