from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import fx

from causalxai.dataset import Dataset
from causalxai.errors import DataError
from causalxai.seeding import torch_generator
from causalxai_models.lenet import LeNet, LeNetClassifier


@pytest.mark.parametrize("shape", [(1, 16, 16), (1, 28, 28), (3, 33, 20)])
def test_any_shape_of_image_becomes_logits(shape: tuple[int, int, int]) -> None:
    assert LeNet(shape, 7)(torch.rand(2, *shape)).shape == (2, 7)


def test_layers_and_their_sizes_are_the_usual_ones() -> None:
    shapes = {name: tuple(p.shape) for name, p in LeNet((1, 28, 28), 10).named_parameters()}

    assert shapes == {
        "conv1.weight": (16, 1, 5, 5),
        "conv1.bias": (16,),
        "conv2.weight": (32, 16, 5, 5),
        "conv2.bias": (32,),
        "fc1.weight": (128, 512),
        "fc1.bias": (128,),
        "fc2.weight": (10, 128),
        "fc2.bias": (10,),
    }


def test_it_can_be_traced() -> None:
    model = LeNet((1, 20, 20), 3)
    images = torch.rand(2, 1, 20, 20)

    assert torch.equal(fx.symbolic_trace(model)(images), model(images))


def test_images_that_are_too_small_are_told() -> None:
    with pytest.raises(DataError, match="16 x 16 pixels or more, not 15 x 28"):
        LeNet((1, 15, 28), 10)


def test_the_classifier_takes_its_widths_from_the_config(dataset: Dataset) -> None:
    source = LeNetClassifier(epochs=0, channels=(2, 3), hidden=5)
    classifier = source.fit(dataset, rng=torch_generator(0), device=torch.device("cpu"))

    assert classifier.model.fc1.weight.shape == (5, 3)
    assert classifier.feature_layer == "fc1"
    assert classifier.class_names == dataset.class_names


@pytest.mark.parametrize("wrong", [{"hidden": 0}, {"channels": (1,)}, {"epoch": 3}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LeNetClassifier(**wrong)
