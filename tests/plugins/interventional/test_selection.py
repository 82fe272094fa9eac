"""Only the rows that are read are computed, and the answers stay the same."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from causalxai.network.exported import exported
from causalxai_interventional.blocks import name_of
from causalxai_interventional.selection import move_selections
from causalxai_interventional.simplification import simplify

IMAGES = torch.rand(4, 5, 8, generator=torch.Generator().manual_seed(0))


class Block(nn.Module):
    """Attention and a layer of a transformer, of whose tokens ``read`` takes some."""

    def __init__(self, read) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Linear(8, 8) for _ in range(4))
        self.norm, self.up, self.down = nn.LayerNorm(8), nn.Linear(8, 12), nn.Linear(12, 8)
        self.read = read

    def heads(self, x):
        return x.view(x.shape[0], -1, 2, 4).transpose(1, 2)

    def forward(self, x):
        query, key, value = (self.heads(part(x)) for part in self.parts[:3])
        read = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        x = x + self.parts[3](read.reshape(x.shape[0], -1, 8))
        return self.read(x + self.down(F.gelu(self.up(self.norm(x)))))


def rows_of(read):
    """Return the tokens that each linear layer computes, after the answers were compared."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Block(read).eval()

    def prepare(network):
        simplify(network)
        move_selections(network)
        network.refresh()

    network = exported(model, IMAGES, prepare)
    return [network.shape(n, 4)[1] for n in network.nodes if name_of(n) == "linear"]


def test_one_token_is_read():
    # The keys and values are of all tokens; the query, and all that follows, of one.
    assert sorted(rows_of(lambda x: x[:, 2])) == [1, 1, 1, 1, 5, 5]


def test_the_same_token_is_read_twice():
    assert rows_of(lambda x: x[:, 0] + x[:, 0].tanh()).count(1) == 4


def test_all_tokens_are_computed_where_others_are_read_as_well():
    assert rows_of(lambda x: x[:, 0] + x.mean(dim=1)) == [5] * 6
    assert rows_of(lambda x: x[:, 0] + x[:, 1]) == [5] * 6
