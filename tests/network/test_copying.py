from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, fx, nn

from causalxai.errors import ContractError
from causalxai.network.adaptable import adaptable
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
    adapt(adaptable(network), Adaptation(copies_images=True))
    assert torch.equal(copied(network)(IMAGES), network(IMAGES))


def with_functions(network: nn.Module) -> nn.Module:
    """Let a network compute through functions in an attribute, a hook, a layer and a closure."""
    before, inner = network.forward, network.out.forward

    def twice(images: Tensor, again: bool = True) -> Tensor:
        return twice(images, False) if again else before(images) + 0 * network.double(images)

    network.double = lambda images: 2 * network.out(images.flatten(1))
    network.forward = twice  # type: ignore[method-assign]
    network.out.forward = lambda images: 2 * inner(images)  # type: ignore[method-assign]
    network.register_forward_hook(lambda _net, _args, output: output + network.out.bias)
    return network


@pytest.mark.parametrize("build", [Plain, lambda: fx.symbolic_trace(Plain())])
def test_functions_that_refer_to_layers_refer_to_their_copies(build):
    network = with_functions(build())
    before = network(IMAGES)
    copy = copied(network)
    torch.testing.assert_close(copy(IMAGES), before)
    for weight in network.parameters():
        weight.data.fill_(torch.nan)
    torch.testing.assert_close(copy(IMAGES), before)


GLOBAL = Plain()


def test_a_function_that_finds_the_network_among_its_globals_finds_the_copy():
    GLOBAL.forward = lambda images: next(GLOBAL.out(one.flatten(1)) for one in (images,))  # type: ignore[method-assign]
    copy = copied(GLOBAL)
    with torch.no_grad():
        copy.out.weight.zero_()
        copy.out.bias.fill_(1)
    assert torch.equal(copy(IMAGES), torch.ones(3, 2))
    assert not torch.equal(GLOBAL(IMAGES), torch.ones(3, 2))


def test_a_function_without_the_network_stays_the_same():
    scale = 2.0
    network = Plain()
    network.act = lambda images: scale * images
    assert copied(network).act is network.act


def test_a_graph_keeps_its_hooks():
    network = nn.Sequential(fx.symbolic_trace(Plain()))
    network[0].register_forward_hook(lambda _net, _args, output: output.flip(1))
    network[0].register_forward_pre_hook(
        lambda _net, args, kwargs: ((args[0] + 1,), kwargs), with_kwargs=True
    )
    torch.testing.assert_close(copied(network)(IMAGES), network(IMAGES))


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
