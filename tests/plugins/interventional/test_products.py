"""Products of matrices give what convolutions give."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai.network.exported import exported
from causalxai_interventional.blocks import name_of
from causalxai_interventional.calls import affine_of
from causalxai_interventional.kept_constants import Kept, KeptConstants
from causalxai_interventional.products import (
    contiguous_matrices,
    convolved,
    grouped_product,
    patches,
    product_of,
)


def network_of(convolution, shape):
    """Return an exported convolution and its node."""
    network = exported(convolution, torch.rand(3, *shape))
    (node,) = (node for node in network.nodes if name_of(node) == "conv2d")
    return network, node


@pytest.mark.parametrize(
    ("size", "settings", "product"),
    [
        ((2, 2), {"kernel_size": 3, "padding": 1}, "images"),
        ((1, 1), {"kernel_size": 3, "padding": 1, "bias": False}, "images"),
        ((2, 1), {"kernel_size": (5, 3), "padding": (2, 1), "stride": (2, 1)}, "images"),
        ((3, 3), {"kernel_size": 5, "padding": 4, "dilation": 2}, "images"),
        ((3, 3), {"kernel_size": (3, 5), "padding": "same"}, "patches"),
        ((4, 4), {"kernel_size": 3, "padding": 1, "stride": 2}, "patches"),
        ((5, 8), {"kernel_size": (3, 2), "dilation": (2, 3), "bias": False}, "patches"),
        ((3, 3), {"kernel_size": 1}, "patches"),
        ((8, 8), {"kernel_size": 3}, None),
        ((2, 2), {"kernel_size": 3, "padding": 1, "groups": 3}, None),
    ],
)
def test_products_are_convolutions(size, settings, product, seeded):
    convolution = nn.Conv2d(3, 6, **settings)
    network, node = network_of(convolution, (3, *size))
    assert product_of(network, node) == product
    if product is None:
        return
    images = torch.rand(4, 3, *size, dtype=torch.float64)
    known = KeptConstants(network, Kept(), torch.float64, channels_last=True)
    for layout in (torch.contiguous_format, torch.channels_last):
        found = convolved(network, node, images.contiguous(memory_format=layout), known)
        with torch.no_grad():
            torch.testing.assert_close(found, convolution.double()(images))


@torch.no_grad()
@pytest.mark.parametrize("kernel", [1, 2])
@pytest.mark.parametrize("blocks", [[0, 1, 2], [0, 0, 2, 2], [1, 1, 2]])
def test_changed_blocks_are_multiplied_with_their_own_weights(kernel, blocks, seeded):
    width, convolution = 2, nn.Conv2d(6, 4, kernel, bias=False)
    network, node = network_of(convolution, (6, 3, 3))
    known = KeptConstants(network, Kept(), torch.float64)
    changes = torch.rand(len(blocks), width, 3, 3, dtype=torch.float64)
    whole = torch.zeros(len(blocks), 3, width, 3, 3, dtype=torch.float64)
    whole[torch.arange(len(blocks)), blocks] = changes
    expected = convolution.double()(whole.flatten(1, 2))
    read = patches(affine_of(node, known), changes, expected.shape[2:]).flatten(1, 2)
    found = grouped_product(read, torch.tensor(blocks), contiguous_matrices(node, known), width)
    torch.testing.assert_close(found, expected.flatten(2).mT)
