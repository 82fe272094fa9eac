from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier, Dataset, Split
from causalxai.pipeline.chance import no_better_than_chance


class Reads(nn.Module):
    """Reads the class that the first pixel says, or something else for a share of images."""

    def __init__(self, turn: int = 0) -> None:
        super().__init__()
        self.turn = turn

    def forward(self, images: Tensor) -> Tensor:
        first = (images[:, 0, 0, 0] * 4).round().long().clamp(max=3)
        return 5 * nn.functional.one_hot((first + self.turn) % 4, 4).to(images.dtype)


class Same(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :4] * 0 + torch.tensor([0.0, 2.0, -1.0, 0.0])


def data(count: int, wrong: int = 0) -> Dataset:
    labels = torch.arange(count) % 4
    images = torch.zeros(count, 1, 2, 2)
    images[:, 0, 0, 0] = labels / 4
    labels[:wrong] = (labels[:wrong] + 1) % 4
    return Dataset(Split(images, labels), Split(images, labels), tuple("abcd"))


def warning(model: nn.Module, dataset: Dataset) -> str:
    classifier = Classifier(model, class_names=dataset.class_names, image_shape=(1, 2, 2))
    return no_better_than_chance(classifier, dataset)


def test_a_classifier_that_is_right_is_not_remarked_on():
    assert warning(Reads(), data(40)) == ""
    assert warning(Reads(), data(40, wrong=20)) == ""


def test_a_classifier_at_chance_is_told_with_the_numbers():
    told = warning(Reads(turn=1), data(40))
    assert told.startswith(
        "Reads is right for 0 of 40 test images (0.0%), no better than chance (25.0%; one-sided "
        "binomial test, p = 1.00): is the normalisation right"
    )
    # P(X >= 10) is 0.56 for X of 40 with the probability 0.25.
    assert "right for 10 of 40 test images (25.0%), no better" in warning(Reads(), data(40, 30))
    assert "p = 0.56" in warning(Reads(), data(40, 30))


def test_always_the_same_class_is_at_chance_however_frequent_it_is():
    labels = torch.tensor([1] * 30 + [0, 2, 3])
    dataset = Dataset(*[Split(torch.rand(33, 1, 2, 2), labels)] * 2, tuple("abcd"))
    assert "(90.9%), no better than chance (90.9%" in warning(Same(), dataset)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_images_tell_nothing(count: int):
    assert warning(Reads(turn=1), data(count)) == ""


def test_many_images_are_sampled_evenly():
    assert "of 200 test images" in warning(Reads(turn=1), data(5000))
