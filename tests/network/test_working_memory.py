from __future__ import annotations

import torch
from torch import nn

from causalxai.network.working_memory import bytes_at_widest, bytes_for_gradients


def convolutions() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)).eval()


def test_the_widest_place_is_the_layer_with_the_largest_input_and_output():
    network, images = convolutions(), torch.rand(2, 1, 8, 8)
    # The ReLU reads and returns 4 maps, of which libraries hold several copies.
    assert bytes_at_widest(network, images) == 4 * (2 * 4 * 64 * 4)
    assert not any(module._forward_hooks for module in network.modules())


def test_networks_that_run_no_hooks_are_estimated():
    compiled = torch.jit.trace(convolutions(), torch.rand(1, 1, 8, 8))
    assert bytes_at_widest(compiled, torch.rand(2, 1, 8, 8)) >= 4 * 64 * 4


def test_what_gradients_need_is_counted_without_the_weights():
    network = nn.Sequential(nn.Linear(3, 5), nn.Sigmoid(), nn.Linear(5, 7))
    # The images are kept for the first weights, the sigmoid's answer for both of its sides.
    found = bytes_for_gradients(network, torch.rand(10, 3), [network])
    assert found == 3 * 4 * (3 + 5)
    grown = bytes_for_gradients(network, torch.rand(10, 3), [])
    assert grown > found
