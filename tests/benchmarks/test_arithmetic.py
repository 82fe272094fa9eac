"""The count of what edits need, against counts by hand."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def arithmetic() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module("_arithmetic")
    sys.modules.pop("_arithmetic", None)


class Convolutions(nn.Module):
    """Two convolutions, a depthwise one and a linear layer, with a branch beside the second."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.second = nn.Conv2d(4, 5, 1)
        self.beside = nn.Conv2d(4, 5, 1)
        self.last = nn.Linear(5, 6)

    def forward(self, images: Tensor) -> Tensor:
        x = F.softplus(self.first(images))
        x = self.second(self.depthwise(x)).sigmoid_() + self.beside(x)
        return self.last(x.mean(dim=(2, 3)))


IMAGE = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
FIRST, DEPTHWISE, SECOND, LAST = 2 * 64 * 4 * 27, 2 * 64 * 4 * 9, 2 * 64 * 5 * 4, 2 * 5 * 6


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return Convolutions().eval().requires_grad_(False)


def test_operations_of_a_forward_pass(arithmetic, network):
    expected = FIRST + DEPTHWISE + 2 * SECOND + LAST
    assert arithmetic.forward_flops(network, IMAGE) == expected
    assert arithmetic.EditArithmetic(network, IMAGE).forward == expected


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # One of four channels goes through the depthwise convolution and both that read it.
        ("first", DEPTHWISE / 4 + 2 * SECOND / 4 + LAST),
        ("depthwise", SECOND / 4 + LAST / 1),
        # One of five averages changes; the branch does not.
        ("second", LAST / 5),
        ("last", 0),
    ],
)
def test_an_edit_needs_what_reads_its_channel(arithmetic, network, layer, expected):
    counter = arithmetic.EditArithmetic(network, IMAGE)
    weight = network.get_submodule(layer).weight
    before = weight.clone()
    assert counter.behind(arithmetic.removed(weight, (1,))) == pytest.approx(expected)
    assert torch.equal(weight, before)


def test_a_slice_needs_its_own_kernel(arithmetic, network):
    counter = arithmetic.EditArithmetic(network, IMAGE)
    assert counter.own(network.first, 4 * 3) == pytest.approx(2 * 64 * 9)
    assert counter.own(network.depthwise, 4) == pytest.approx(2 * 64 * 9)
    assert counter.own(network.last, 5 * 6) == pytest.approx(2)


class Attention(nn.Module):
    """Two heads over five tokens; the logits are read from the first token."""

    tokens, width, heads = 5, 6, 2

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(6, 6)
        self.key = nn.Linear(6, 6)
        self.value = nn.Linear(6, 6)
        self.after = nn.Linear(6, 7)
        self.last = nn.Linear(7, 3)

    def forward(self, images: Tensor) -> Tensor:
        x = images.reshape(len(images), self.tokens, self.width)
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.last(self.after(mixed).tanh()[:, 0])


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # Behind the attention, only the first token counts. A feature of the query or the key is
        # one of three in its head; its scores are new, and with them all three features of the
        # head's answer.
        ("query", 2 * 5 * 1 + 2 * 5 * 3 + 2 * 3 * 7 + 2 * 7 * 3),
        ("key", 2 * 5 * 1 + 2 * 5 * 3 + 2 * 3 * 7 + 2 * 7 * 3),
        # The scores stay, and one feature of the answer changes.
        ("value", 2 * 5 * 1 + 2 * 1 * 7 + 2 * 7 * 3),
        ("after", 2 * 1 * 3),
        ("last", 0),
    ],
)
def test_edits_of_attention(arithmetic, layer, expected):
    torch.manual_seed(0)
    network = Attention().eval().requires_grad_(False)
    image = torch.rand(1, 1, 5, 6, generator=torch.Generator().manual_seed(1))
    counter = arithmetic.EditArithmetic(network, image)
    weight = network.get_submodule(layer).weight
    assert counter.behind(arithmetic.removed(weight, (2,))) == pytest.approx(expected)


def test_the_share_of_a_product_that_reads_changes(arithmetic):
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(2, 4, 3, generator=generator) > 0.6
    b = torch.rand(2, 3, 5, generator=generator) > 0.6
    rows = torch.rand(2, 4, generator=generator) > 0.3
    by_hand = (a[:, :, :, None] | b[:, None]) & rows[:, :, None, None]
    expected = by_hand.float().mean()
    assert arithmetic.product_share(a, b, rows) == pytest.approx(float(expected))


def test_an_unknown_operation_is_told(arithmetic):
    class Unknown(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.addmm(images.new_zeros(3, 3), images[0, 0], images[0, 0].T)

    with pytest.raises(ValueError, match="an operation that this counter does not know"):
        arithmetic.EditArithmetic(Unknown(), torch.rand(1, 1, 3, 4))


def test_the_limit_of_few_edits_is_their_number(arithmetic):
    assert arithmetic.limit(forward=100, per_edit=0, edits=7) == 7
    assert arithmetic.limit(forward=100, per_edit=25, edits=10**9) == pytest.approx(4)
