from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from causalxai.network.probe_images import probe_images
from causalxai_interventional.dataflow import Dataflow
from causalxai_interventional.geometry import place, stride_of
from causalxai_models.lenet import LeNet
from causalxai_models.resnet18 import ResNet18


def flow_of(classifier):
    return Dataflow(classifier, probe_images(classifier.image_shape))


@pytest.mark.parametrize(("layer", "stride"), [("conv1", 1), ("conv2", 2)], ids=["conv1", "conv2"])
def test_responses_lie_where_their_receptive_fields_are_centred(layer, stride, make_classifier):
    """A pixel that is not a number reaches just the responses whose fields contain it."""
    flow = flow_of(make_classifier(LeNet((1, 28, 28), 10), (1, 28, 28), 10))
    node = flow.mediator(layer)
    assert stride_of(flow, node) == (stride, stride)
    rows = torch.zeros(28, 1, 28, 28)
    rows[torch.arange(28), 0, torch.arange(28)] = torch.nan
    reached = flow.capture(rows, {node})[node][:, 0, :, 0].isnan()
    for response in range(reached.shape[1]):
        pixels = reached[:, response].nonzero()[:, 0]
        centre = float(pixels.double().mean())
        spot = torch.zeros(1, reached.shape[1], reached.shape[1])
        spot[0, response, response] = 1
        laid = place(spot, (28, 28), (stride, stride))[0]
        weight = laid.sum(dim=1).double()
        placed = float((weight * torch.arange(28)).sum() / weight.sum())
        inner = 0 < response < reached.shape[1] - 1
        assert placed == pytest.approx(centre, abs=1e-6 if inner else 0.5)


def test_padded_networks_cover_the_whole_image(make_classifier):
    flow = flow_of(make_classifier(ResNet18(3, 10, width=4), (3, 64, 64), 10))
    node = flow.mediator("layer4.1.conv2")
    assert stride_of(flow, node) == (32, 32)
    maps = torch.rand(2, 2, 2)
    stretched = F.interpolate(maps[:, None], size=(64, 64), mode="bilinear")[:, 0]
    torch.testing.assert_close(place(maps, (64, 64), (32, 32)), stretched)


def test_an_unknown_stride_stretches():
    maps = torch.rand(2, 3, 3)
    stretched = F.interpolate(maps[:, None], size=(9, 9), mode="bilinear")[:, 0]
    torch.testing.assert_close(place(maps, (9, 9), None), stretched)


def test_nothing_is_claimed_where_no_response_is_centred():
    laid = place(torch.ones(1, 8, 8), (28, 28), (2, 2))[0]
    assert laid.sum() == 16 * 16
    assert laid[:6].abs().sum() == laid[-6:].abs().sum() == 0
