import torch
from torch import nn

from causalxai.network.layer_order import in_order, weighted_layers

IMAGES = torch.rand(2, 2, 4, 4, generator=torch.Generator().manual_seed(0))


class ABA(nn.Module):
    """Convolution a, convolution b, a again; declared in another order, with one that idles."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Conv2d(2, 2, 1)
        self.out = nn.Linear(2, 3)
        self.a = nn.Conv2d(2, 2, 1)
        self.b = nn.Conv2d(2, 2, 1)
        self.unused = nn.Linear(2, 3)

    def forward(self, x):
        return self.out(self.a(self.b(self.a(x))).mean(dim=(2, 3)))


class Attends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.attention = nn.MultiheadAttention(4, 1)

    def forward(self, x):
        tokens = x.mean(dim=1)
        return self.head(self.attention(tokens, tokens, tokens)[0].mean(dim=1))


def test_a_layer_stands_where_it_runs_for_the_last_time():
    assert in_order(ABA(), IMAGES, (nn.Conv2d,)) == ("b", "a")
    assert in_order(ABA(), IMAGES, (nn.Conv2d, nn.Linear)) == ("b", "a", "out")


def test_layers_that_never_run_are_the_farthest_from_the_logits():
    assert weighted_layers(ABA(), IMAGES) == ("idle", "unused", "b", "a", "out")


def test_a_layer_that_another_uses_stands_behind_it():
    assert weighted_layers(Attends(), IMAGES) == ("attention", "attention.out_proj", "head")
