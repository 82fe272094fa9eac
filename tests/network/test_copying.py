from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from causalxai.errors import ContractError
from causalxai.network.adaptation import Adaptation, adapt
from causalxai.network.copying import copied
from causalxai.network.state import state_of

IMAGES = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.out(images.flatten(1))


def test_the_copy_is_independent_and_the_network_stays_as_it_is():
    network = Plain().train()
    network.out.register_forward_hook(lambda *_: None)
    before = state_of(network)
    copy = copied(network)
    assert copy is not network and torch.equal(copy(IMAGES), network(IMAGES))
    with torch.no_grad():
        copy.eval().out.weight.zero_()
    assert state_of(network) == before


def test_wrappers_stay_around_the_network_and_not_around_the_copy():
    network = Plain()
    network.out = torch.compile(network.out, backend="eager")
    compiled = network.out
    for wrapped in (nn.DataParallel(network), network):
        copy = copied(wrapped)
        assert type(copy) is Plain and type(copy.out) is nn.Linear
    assert network.out is compiled
    network = Plain()
    network.compile(backend="eager")
    assert copied(network)._compiled_call_impl is None
    assert network._compiled_call_impl is not None


def test_a_forward_that_refers_to_the_network_refers_to_the_copy():
    network = Plain()
    network.forward = lambda images: 2 * network.out(images.flatten(1))  # type: ignore[method-assign]
    for copy in (copied(network), copied(copied(network))):
        with torch.no_grad():
            copy.out.weight.zero_()
            copy.out.bias.fill_(1)
        assert torch.equal(copy(IMAGES), torch.full((3, 2), 2.0))
        assert float(network.out.bias[0]) != 1
    adapt(network, Adaptation(copies_images=True))
    assert torch.equal(copied(network)(IMAGES), network(IMAGES))


def test_tensors_of_earlier_computations_are_copied():
    network = nn.utils.weight_norm(nn.Linear(4, 2))
    network(IMAGES.flatten(1))
    copy = copied(network)
    with torch.no_grad():
        network.weight_g.mul_(2)
    assert not torch.equal(copy(IMAGES.flatten(1)), network(IMAGES.flatten(1)))


def test_a_scripted_network_is_copied():
    scripted = torch.jit.trace(Plain(), IMAGES)
    copy = copied(scripted)
    assert all(parameter.is_leaf for parameter in copy.parameters())
    torch.testing.assert_close(copy(IMAGES), scripted(IMAGES))


def test_a_network_that_cannot_be_copied_is_refused():
    network = Plain()
    network.held = SimpleNamespace(lock=threading.Lock())
    with pytest.raises(ContractError, match=r"Plain cannot be copied, and a classifier holds a .*"):
        copied(network)
