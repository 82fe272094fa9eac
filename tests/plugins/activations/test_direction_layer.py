"""The layer of directions is the last one in which the logits bend."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier
from causalxai.errors import CapabilityError
from causalxai.seeding import seeded, torch_generator
from causalxai_activations.direction_layer import bends, direction_layer, gradients

IMAGES = torch.rand(6, 1, 4, 4, generator=torch_generator(0))


def classifier_of(*layers: nn.Module) -> Classifier:
    network = seeded(lambda: nn.Sequential(nn.Flatten(), *layers), torch_generator(0))
    return Classifier(network, class_names="abc", image_shape=(1, 4, 4))


def test_the_last_layer_in_which_the_logits_bend_is_chosen():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 5), nn.Linear(5, 3)]
    classifier = classifier_of(*layers)
    assert direction_layer(classifier, None, IMAGES).name == "1"
    assert direction_layer(classifier, "3", IMAGES).name == "3"
    assert not bends(classifier.hidden("2"), IMAGES)


def test_the_logits_may_bend_although_the_first_one_is_constant():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 3)]
    classifier = classifier_of(*layers)
    with torch.no_grad():
        classifier.model[-1].weight[0].zero_()
    assert direction_layer(classifier, None, IMAGES).name == "1"


def test_a_linear_network_has_no_such_layer():
    with pytest.raises(CapabilityError, match="in which they are not linear"):
        direction_layer(classifier_of(nn.Linear(16, 3)), None, IMAGES)


def test_gradients_are_those_of_each_images_own_logit():
    class Squares(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flat = nn.Flatten()

        def forward(self, images: Tensor) -> Tensor:
            x = self.flat(images)
            return torch.stack([x.square().sum(dim=1), 3 * x.sum(dim=1), x[:, 0]], dim=1)

    classifier = Classifier(Squares(), class_names="abc", image_shape=(1, 4, 4))
    layer = classifier.hidden("flat")
    found = gradients(layer, layer.activations(IMAGES[:2]), torch.tensor([0, 1]))
    torch.testing.assert_close(found[0], 2 * IMAGES[0].flatten())
    torch.testing.assert_close(found[1], torch.full((16,), 3.0))
