"""As little as possible is planned for the edits of a layer."""

from __future__ import annotations

from itertools import pairwise

import pytest

from causalxai import Classifier
from causalxai.network.probe_images import probe_images
from causalxai_interventional.blocks import name_of
from causalxai_interventional.dataflow import Dataflow
from causalxai_models.lenet import LeNet
from causalxai_models.resnet18 import ResNet18


@pytest.fixture(scope="module")
def lenet():
    return _flow(LeNet((1, 28, 28), 10), (1, 28, 28))


@pytest.fixture(scope="module")
def resnet():
    return _flow(ResNet18(3, 10, width=8), (3, 32, 32))


def _flow(model, shape):
    names = [str(k) for k in range(10)]
    return Dataflow(Classifier(model, class_names=names, image_shape=shape), probe_images(shape))


def forms(flow, layer):
    """Return what is planned: ``one`` block, ``mixed``, or ``all``, by operation."""
    return [
        (name_of(step.node), "one" if step.block else "mixed" if step.mixes else "all")
        for segment in flow.plan(layer).segments
        for step in segment.steps
    ]


def test_a_channel_goes_alone_through_the_next_layer(lenet):
    planned = forms(lenet, "conv2")
    assert planned[0] == ("conv2d", "one")
    assert ("linear", "mixed") in planned
    before = planned[: planned.index(("linear", "mixed"))]
    assert {form for _, form in before} == {"one"}
    assert planned[-1] == ("linear", "all")


def test_units_of_the_last_layers_need_no_forward_pass(lenet):
    assert forms(lenet, "fc2") == [("linear", "one")]
    assert {form for _, form in forms(lenet, "fc1")} == {"one", "mixed"}


def test_nothing_before_the_layer_is_computed_again(lenet):
    names = [name for name, _ in forms(lenet, "conv2")]
    assert names.count("conv2d") == 1


def test_skip_connections_keep_a_channel_alone_up_to_the_next_convolutions(resnet):
    planned = forms(resnet, "layer1.1.conv2")
    assert planned[:3] == [("conv2d", "one"), ("add", "one"), ("relu", "one")]
    assert planned.count(("conv2d", "mixed")) == 2
    assert {form for _, form in forms(resnet, "layer4.1.conv2")} == {"one", "mixed"}


def test_later_segments_take_more_edits_at_once(resnet):
    segments = resnet.plan("conv1").segments
    floats = [segment.floats for segment in segments]
    assert len(floats) > 1
    assert all(2 * after <= before for before, after in pairwise(floats))
    assert segments[-1].results == (resnet.network.logits,)


def test_behind_a_change_of_everything_the_unedited_network_is_not_read(lenet):
    named = {
        layer: {name_of(node) for node in lenet.plan(layer).read} for layer in ("conv1", "fc1")
    }
    # The second convolution adds to its unedited output, what follows it is computed anew.
    assert named["conv1"] == {"", "conv2d", "max_pool2d", "relu"}
    assert lenet.network.logits in lenet.plan("fc1").read
    assert lenet.network.logits not in lenet.plan("conv1").read
