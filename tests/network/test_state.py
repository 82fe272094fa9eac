"""The state of networks: every change is told by its name, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from causalxai.network import state
from causalxai.network.state import changes, state_digest, state_of, tensor_digest


@pytest.fixture
def network() -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Dropout())
    return model.eval().requires_grad_(False)


def _zeroed(model: nn.Module) -> None:
    for parameter in model.parameters():
        parameter.data.zero_()  # in a way that torch doesn't count


def _renamed(model: nn.Module) -> None:
    model[0].renamed = nn.Parameter(torch.zeros(1), requires_grad=False)


@pytest.mark.parametrize(
    ("meddle", "told"),
    [
        (_zeroed, "the weights '0.weight'"),
        (lambda model: model[0].bias.mul_(2), "the weights '0.bias'"),
        (lambda model: model[1].running_mean.add_(1), "the buffer '1.running_mean'"),
        (lambda model: model[1].num_batches_tracked.add_(1), "the buffer '1.num_batches_tracked'"),
        (lambda model: model[2].train(), "the mode of module '2'"),
        (lambda model: model.train(), "the mode of the network"),
        (lambda model: model[0].requires_grad_(True), "whether '0.weight' requires gradients"),
        (lambda model: model.double(), "the weights '0.weight'"),
        (_renamed, "the weights '0.renamed'"),
        (
            lambda model: model.register_forward_hook(lambda *_: None),
            "the forward hooks of the network",
        ),
        (
            lambda model: model[1].register_forward_pre_hook(lambda *_: None),
            "the forward pre hooks of module '1'",
        ),
        (
            lambda model: model[0].register_full_backward_hook(lambda *_: None),
            "the backward hooks of module '0'",
        ),
    ],
)
def test_each_change_is_told(network: nn.Module, meddle: Callable[[nn.Module], object], told: str):
    before, digest = state_of(network), state_digest(network)
    meddle(network)
    assert told in changes(before, state_of(network))
    assert state_digest(network) != digest


def test_use_changes_nothing(network: nn.Module):
    before, digest = state_of(network), state_digest(network)
    network(torch.rand(4, 3))
    handle = network.register_forward_hook(lambda *_: None)
    handle.remove()
    assert changes(before, state_of(network)) == []
    assert state_digest(network) == digest


@pytest.mark.parametrize(
    "one",
    [
        torch.rand(3, 4),
        torch.rand(3, 4).half(),
        torch.rand(3, 4).bfloat16(),
        torch.rand(3, 4).double(),
        torch.rand(3, 4) > 0.5,
        torch.arange(5),
        torch.rand(3, 4, dtype=torch.complex64),
        torch.rand(3, 4, dtype=torch.complex64).conj(),
        torch.rand(3, 4).t(),
        torch.rand(1).expand(4),
        torch.rand(3, 4).to_sparse(),
        torch.rand(3, 4).to_sparse_csr(),
        torch.quantize_per_tensor(torch.rand(3, 4), 0.1, 0, torch.quint8),
        torch.tensor(1.0),
        torch.zeros(0, 3),
        torch.rand(2, 3, requires_grad=True),
    ],
    ids=lambda one: f"{one.dtype} {one.layout} {list(one.shape)}",
)
def test_tensors_of_every_kind_have_digests(one: torch.Tensor):
    assert tensor_digest(one) == tensor_digest(one.detach().clone())
    if one.numel() and not one.is_quantized:
        with torch.no_grad():
            other = one.detach().clone().to_dense()
            other = ~other if other.dtype is torch.bool else other * 2 + 1
        assert tensor_digest(other) != tensor_digest(one)


def test_order_shape_and_type_count():
    values = torch.arange(6.0)
    others = [values.flip(0), values.view(2, 3), values.double(), values.long()]
    digests = {tensor_digest(tensor) for tensor in (values, *others)}
    assert len(digests) == 5


def test_of_large_tensors_parts_are_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(state, "_WHOLE", 2**16)
    values = torch.zeros(2**18)
    before = tensor_digest(values)
    assert tensor_digest(values) == before
    values.data[-1] = 1
    changed = tensor_digest(values)
    assert changed != before
    values[7] = 0  # nothing is different but the number of operations in place
    assert tensor_digest(values) != changed
