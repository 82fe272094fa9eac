"""Distances between pictures, and what the classifier sees in them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai.classifier import Classifier
from causalxai.concept import Units
from causalxai.errors import DataError
from causalxai.intervention import Intervention
from causalxai.metric import MetricUndefinedError
from causalxai.metrics.pictures import (
    distance,
    features,
    other_images,
    perceived,
    pictures,
    read_again,
)
from causalxai.testing.toys import ToyOracle, ToySpace, ToyWorld


def test_the_distance_is_the_mean_over_pixels():
    one, other = torch.zeros(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    other[0], other[1, 0, 0, 0] = 0.5, 1.0
    assert distance(one, other).tolist() == [0.5, 0.25]


def test_an_empty_intervention_is_a_pass(world: ToyWorld):
    images = world.dataset.test.images[:3]
    units = world.space.encode(images)
    once = pictures(world.oracle, units, Intervention.none())[0]
    again = pictures(world.oracle, world.space.encode(once), Intervention.none())[0]
    found = perceived(world.oracle, images, 2)
    assert torch.allclose(found, torch.stack([once, again]))


def test_features_are_the_input_of_the_last_layer_or_else_the_logits(world: ToyWorld):
    images = world.dataset.test.images[:3]
    seen, remark = features(world.oracle, images)
    assert (torch.allclose(seen.float(), images.flatten(1)), remark) == (True, "")
    convolution = nn.Sequential(nn.Conv2d(1, 3, 8), nn.Flatten(), nn.Tanh())
    network = Classifier(convolution, class_names=("a", "b", "c"), image_shape=(1, 8, 8))
    oracle = ToyOracle(world.oracle.config).bind(network, world.space)
    seen, remark = features(oracle, images)
    assert torch.allclose(seen.float(), network.logits(images))
    assert "no linear last layer" in remark


def test_a_space_that_reads_only_the_data_set_is_told(world: ToyWorld):
    class Strict(ToySpace):
        def encode(self, images: Tensor) -> Units:
            raise DataError("image 0 is not of the data set")

    oracle = ToyOracle(world.oracle.config).bind(world.classifier, world.space)
    oracle.space, images = Strict(), world.dataset.test.images[:1]
    units, nothing = world.space.encode(images), Intervention.none()
    with pytest.raises(MetricUndefinedError, match="pictures: image 0 is not of the data set"):
        read_again(oracle, images, units, nothing)
    with pytest.raises(MetricUndefinedError, match="pictures: image 0 is not of the data set"):
        perceived(oracle, images, 2)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_other_images_are_others_each_once(n: int):
    others = other_images(n, torch.Generator().manual_seed(n))
    assert sorted(others.tolist()) == list(range(n))
    assert not (others == torch.arange(n)).any()
