"""Which layers craft takes, which it refuses, and what it then offers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from causalxai import Classifier
from causalxai.errors import CapabilityError
from causalxai.seeding import seeded, torch_generator
from causalxai_activations.nonnegative_layer import nonnegative_layer

IMAGES = torch.rand(6, 1, 12, 12, generator=torch_generator(0))


class Convolutions(nn.Module):
    """Two convolutions with an activation function that is not a module."""

    def __init__(self, activation: object) -> None:
        super().__init__()
        self.activation = activation
        self.first = nn.Conv2d(1, 4, 3)
        self.second = nn.Conv2d(4, 5, 3)
        self.last = nn.Linear(5 * 64, 3)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.activation(self.first(images))
        logits: Tensor = self.last(self.activation(self.second(hidden)).flatten(1))
        return logits


def classifier_of(network: nn.Module) -> Classifier:
    return Classifier(network, class_names="abc", image_shape=(1, 12, 12))


def convolutions(activation: object) -> Classifier:
    return classifier_of(seeded(lambda: Convolutions(activation), torch_generator(0)))


def test_negative_values_that_the_network_ignores_are_not_read():
    classifier = convolutions(functional.relu)
    layer = nonnegative_layer(classifier, None, IMAGES)
    assert (layer.name, layer.shape) == ("second", (5, 8, 8))
    activations = layer.activations(IMAGES)
    assert float(layer.hidden.activations(IMAGES).min()) < 0 <= float(activations.min())
    torch.testing.assert_close(layer.logits(activations), classifier.logits(IMAGES))


def test_negative_values_that_matter_are_refused():
    classifier = convolutions(functional.gelu)
    with pytest.raises(CapabilityError, match="'second' has negative activations that matter"):
        nonnegative_layer(classifier, "second", IMAGES)
    with pytest.raises(CapabilityError, match="the classifier has none"):
        nonnegative_layer(classifier, None, IMAGES)


def test_another_layer_is_offered(classifier: Classifier, dataset):
    class Tail(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
            self.conv = nn.Conv2d(4, 3, 3)

        def forward(self, images: Tensor) -> Tensor:
            scores: Tensor = self.conv(self.relu(images))
            return scores.mean(dim=(2, 3))

    other = classifier_of(seeded(Tail, torch_generator(1)))
    with pytest.raises(CapabilityError, match=r"concepts\.layer: the layer 'conv' .*'relu' would"):
        nonnegative_layer(other, "conv", IMAGES)
    assert nonnegative_layer(other, None, IMAGES).name == "relu"
    with pytest.raises(CapabilityError, match=r"no layer 'rely'.*did you mean 'relu'"):
        nonnegative_layer(other, "rely", IMAGES)


def test_a_layer_that_another_path_goes_around_is_not_chosen():
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
            self.branch = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())
            self.last = nn.Linear(4, 3)

        def forward(self, images: Tensor) -> Tensor:
            stem = self.stem(images)
            logits: Tensor = self.last((stem + self.branch(stem)).mean(dim=(2, 3)))
            return logits

    network = seeded(Residual, torch_generator(0))
    assert nonnegative_layer(classifier_of(network), None, IMAGES).name == "stem"


def test_a_layer_without_places_can_be_named():
    network = seeded(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, 8), nn.ReLU(), nn.Linear(8, 3)),
        torch_generator(0),
    )
    layer = nonnegative_layer(classifier_of(network), "2", IMAGES)
    assert layer.shape == (8, 1, 1)
    torch.testing.assert_close(layer.logits(layer.activations(IMAGES)), network(IMAGES))
