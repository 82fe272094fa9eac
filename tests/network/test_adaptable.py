from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import Tensor, fx, nn

from causalxai.network.adaptable import adaptable, is_exported, stored_form, with_inside

IMAGES = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 2, 3)
        self.out = nn.Linear(8, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.out(torch.relu(self.conv(images)).flatten(1))


class Called(Net):
    def __call__(self, images: Tensor) -> Tensor:
        return 2 * super().__call__(images + 1)


class CallsForward(Net):
    def __call__(self, images: Tensor) -> Tensor:
        return self.forward(images)


def hooked(network: nn.Module | None = None) -> nn.Module:
    found = Net() if network is None else network
    found.register_forward_pre_hook(lambda _net, args: (args[0] + 1,))
    found.register_forward_hook(lambda _net, _args, output: output.flip(1))
    return found


def with_own_forward(network: nn.Module | None = None) -> nn.Module:
    found = Net() if network is None else network
    plain = found.forward
    found.forward = lambda images: 3 * plain(images + 1)  # type: ignore[method-assign]
    return found


def traced() -> fx.GraphModule:
    return fx.symbolic_trace(Net())


def exported() -> nn.Module:
    rows = {0: torch.export.Dim("n", min=1, max=64)}
    return torch.export.export(Net().eval(), (IMAGES,), dynamic_shapes=(rows,)).module()


KINDS: dict[str, Callable[[], nn.Module]] = {
    "plain": Net,
    "with a __call__": Called,
    "with a __call__ without hooks": CallsForward,
    "hooked": hooked,
    "with a forward of its own": with_own_forward,
    "traced by fx": traced,
    "traced by fx and hooked": lambda: hooked(traced()),
    "traced by fx, with a forward of its own": lambda: with_own_forward(traced()),
    "with a traced part": lambda: nn.Sequential(nn.Identity(), traced()),
    "exported": exported,
}


@pytest.mark.parametrize("build", KINDS.values(), ids=KINDS)
def test_the_form_computes_the_same_and_keeps_the_names(build: Callable[[], nn.Module]):
    given = build()
    names, weights = list(dict(given.named_modules())), list(given.state_dict())
    expected = given(IMAGES)
    found = adaptable(given)
    assert found is given
    assert type(found).__call__ is nn.Module.__call__ and "forward" not in vars(found)
    assert list(dict(found.named_modules())) == names and list(found.state_dict()) == weights
    for one in (found, deepcopy(found), adaptable(found)):
        torch.testing.assert_close(one(IMAGES), expected)
    for layer in found.modules():
        assert not isinstance(layer, fx.GraphModule)


@pytest.mark.parametrize("build", [Called, CallsForward, hooked], ids=["call", "forward", "hooks"])
def test_both_share_layers_and_weights_also_in_a_copy(build: Callable[[], nn.Module]):
    for network in (adaptable(build()), deepcopy(adaptable(build()))):
        seen: list[Tensor] = []
        network.conv.register_forward_hook(lambda *given, seen=seen: seen.append(given[2]))
        before = network(IMAGES)
        assert len(seen) == 1
        replaced = {name: 2 * weight for name, weight in network.named_parameters()}
        after = torch.func.functional_call(network, replaced, (IMAGES,))
        assert not torch.allclose(after, before)
        torch.testing.assert_close(network(IMAGES), before)
        (inside,) = set(with_inside(network)) - set(network.modules())
        assert inside.conv is network.conv and type(inside) is type(network).__bases__[0]


def test_hooks_of_the_network_run_once_and_inside():
    calls: list[Tensor] = []
    network = Net()
    network.register_forward_pre_hook(lambda _net, args: calls.append(args[0]))
    found = adaptable(network)
    found(IMAGES)
    assert len(calls) == 1 and not found._forward_pre_hooks


@pytest.mark.parametrize("build", [Called, hooked, traced])
def test_the_form_is_traced(build: Callable[[], nn.Module]):
    found = adaptable(build())
    # As torch.fx always does, without the hooks and the __call__ of the network itself.
    torch.testing.assert_close(fx.symbolic_trace(found)(IMAGES), Net()(IMAGES))


def test_a_network_of_torchscript_is_wrapped():
    for scripted in (torch.jit.script(Net()), torch.jit.trace(Net(), IMAGES)):
        found = adaptable(scripted)
        assert type(found) is not type(scripted) and stored_form(found) is scripted
        assert found.original_name == "Net" and found.training
        torch.testing.assert_close(found(IMAGES), scripted(IMAGES))
    frozen = torch.jit.freeze(torch.jit.script(Net().eval()))
    assert not adaptable(frozen).training
    assert stored_form(plain := Net()) is plain


def test_what_was_exported_is_told_by_its_fixed_mode():
    assert is_exported(exported())
    assert not is_exported(traced()) and not is_exported(Net())
