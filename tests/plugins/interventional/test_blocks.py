"""Where a rule says that a channel stays in its block, a change stays there, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from causalxai.network.exported import exported
from causalxai_interventional.blocks import Block, followed

IMAGES = torch.rand(3, 6, 4, 4, generator=torch.Generator().manual_seed(0))
DEPTHWISE = torch.rand(12, 1, 3, 3, generator=torch.Generator().manual_seed(1))


class Applies(nn.Module):
    def __init__(self, operation) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x):
        return self.operation(x)


def last_block(operation, images=IMAGES, axis=1):
    """Return the block behind the operations, and the exported network."""
    network = exported(Applies(operation), images)
    blocks = {network.images: Block(axis)}
    for node in network.nodes:
        inputs = [n for n in node.all_input_nodes if blocks.get(n) is not None]
        if inputs:
            blocks[node] = followed(network, node, inputs[0], blocks[inputs[0]])
    return blocks.get(network.logits), network


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (torch.relu, Block(1)),
        (lambda x: x * torch.arange(6.0)[:, None, None] + 1, Block(1)),
        (lambda x: F.max_pool2d(x, 2), Block(1)),
        (lambda x: F.adaptive_avg_pool2d(x, 1), Block(1)),
        (lambda x: F.pad(x, (1, 0, 2, 1)), Block(1)),
        (lambda x: x.mean(dim=(2, 3)), Block(1)),
        (lambda x: x.permute(0, 2, 3, 1), Block(3)),
        (lambda x: x.transpose(-3, -1), Block(3)),
        (lambda x: x.permute(0, 2, 3, 1).mean(dim=1), Block(2)),
        (lambda x: x.flatten(1), Block(1, 16)),
        (lambda x: x.flatten(2), Block(1)),
        (lambda x: x.flatten(2).transpose(1, 2), Block(2)),
        (lambda x: x.unflatten(1, (2, 3)), Block(1, 1, merged=3)),
        (lambda x: x[:, :, 0], Block(1)),
        (lambda x: x[:, :, None, 1:], Block(1)),
        (lambda x: torch.cat([x, x * 2], dim=2), Block(1)),
        (lambda x: torch.cat([torch.zeros_like(x), x], dim=1), Block(1, 1, 6)),
        (lambda x: x.softmax(dim=-1), Block(1)),
        (lambda x: F.layer_norm(x, (4,)), Block(1)),
        (lambda x: F.conv2d(x, DEPTHWISE, groups=6), Block(1, 2)),
        (lambda x: F.scaled_dot_product_attention(x, x, x), Block(1)),
    ],
)
def test_a_block_is_followed(operation, expected):
    block, network = last_block(operation)
    assert block == expected
    other = IMAGES.clone()
    other[:, 4] += 1
    before, after = (network.run(x, [network.logits])[network.logits] for x in (IMAGES, other))
    moved = (before != after).movedim(block.axis, 0).flatten(1).any(dim=1)
    index = 4 // block.merged + block.offset
    allowed = torch.zeros_like(moved)
    allowed[index * block.width : (index + 1) * block.width] = True
    assert bool(moved.any())
    assert not bool((moved & ~allowed).any())


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x.mean(dim=1),
        lambda x: x.softmax(dim=1),
        lambda x: x.flip(1),
        lambda x: x.roll(1, dims=1),
        lambda x: F.pad(x, (0, 0, 0, 0, 1, 1)),
        lambda x: F.group_norm(x, 2),
        lambda x: F.pixel_shuffle(x[:, :4], 2),
        lambda x: F.conv2d(x, torch.ones(3, 6, 1, 1)),
        lambda x: x.permute(0, 2, 3, 1).flatten(1),
        lambda x: x.view(x.shape[0], 4, 6, 4),
        lambda x: x[:, 2],
    ],
)
def test_what_mixes_channels_is_not_followed(operation):
    assert last_block(operation)[0] is None
