from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, fx, nn

from causalxai.network.adaptable import adaptable
from causalxai.network.adaptation import (
    UNCHANGED,
    Adaptation,
    adapt,
    adaptation_of,
    as_float32,
    unwrapped,
)

IMAGES = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))


class Halves(nn.Module):
    """Halves the images in place."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.out(images.mul_(0.5).flatten(1))


def test_a_network_that_gets_copies_keeps_its_layers_and_gives_gradients():
    network, copied = Halves(), Halves()
    copied.load_state_dict(network.state_dict())
    adapt(copied, Adaptation(copies_images=True))
    given = IMAGES.clone()
    for _ in range(2):
        torch.testing.assert_close(copied(given), network(IMAGES.clone()))
    assert torch.equal(given, IMAGES)
    assert isinstance(copied, Halves) and type(copied).__name__ == "Halves"
    assert list(copied.state_dict()) == list(network.state_dict())
    (gradient,) = torch.autograd.grad(copied(given.requires_grad_())[:, 0].sum(), given)
    torch.testing.assert_close(gradient[0].flatten(), 0.5 * network.out.weight[0])


def test_traced_and_copied_networks_get_copies_too():
    network = Halves()
    adapt(network, Adaptation(copies_images=True))
    for other in (fx.symbolic_trace(network), deepcopy(network)):
        given = IMAGES.clone()
        torch.testing.assert_close(other(given), network(IMAGES))
        assert torch.equal(given, IMAGES)


def test_numbers_are_converted_on_the_way_in_and_out():
    network = Halves().double()
    adapt(network, Adaptation(torch.float64, gives_float32=True))
    assert network(IMAGES.clone()).dtype == torch.float32


def test_a_second_adaptation_replaces_the_first():
    network = Halves()
    adapt(network, Adaptation(copies_images=True))
    both = Adaptation(copies_images=True, copies_logits=True)
    adapt(network, both)
    assert adaptation_of(network) == both
    assert type(network).__bases__ == (Halves,)
    assert adaptation_of(Halves()) == UNCHANGED


class Called(Halves):
    def __call__(self, images: Tensor) -> Tensor:
        return 3 * self.forward(images)


def with_own_forward() -> nn.Module:
    network = Halves()
    network.forward = lambda images: 3 * network.out(images.mul_(0.5).flatten(1))  # type: ignore[method-assign]
    return network


@pytest.mark.parametrize(
    "build",
    [
        Called,
        with_own_forward,
        lambda: fx.symbolic_trace(Halves()),
        lambda: torch.jit.trace(Halves(), IMAGES.clone()),
    ],
    ids=["call", "forward", "graph", "script"],
)
def test_networks_of_all_kinds_are_wrapped_and_come_back(build):
    network = adaptable(build())
    expected = network(IMAGES.clone())
    adapt(network, Adaptation(copies_images=True))
    with torch.no_grad():
        copy = deepcopy(network)
    for other in (network, copy):
        given = IMAGES.clone()
        torch.testing.assert_close(other(given), expected)
        assert torch.equal(given, IMAGES)
    adapt(network, UNCHANGED)
    torch.testing.assert_close(network(given := IMAGES.clone()), expected)
    assert not torch.equal(given, IMAGES)


@pytest.mark.parametrize(
    ("adaptation", "says"),
    [
        (Adaptation(copies_logits=True), "returns logits that cannot be kept"),
        (Adaptation(gives_float32=True), "does not take and give float32"),
    ],
)
def test_the_reason_is_told(adaptation: Adaptation, says: str):
    assert adaptation.reason == says


def test_wrappers_are_taken_off():
    network = Halves()
    assert unwrapped(network) is network
    assert unwrapped(nn.DataParallel(network)) is network
    assert unwrapped(torch.compile(nn.DataParallel(network), backend="eager")) is network
    network.compile(backend="eager")
    assert unwrapped(network)._compiled_call_impl is None


def test_compiled_parts_are_replaced():
    network = Halves()
    out = network.out
    network.out = torch.compile(out, backend="eager")
    assert unwrapped(network).out is out
    assert list(network.state_dict()) == ["out.weight", "out.bias"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_activations_become_float32(dtype: torch.dtype):
    assert as_float32(IMAGES.to(dtype)).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert as_float32(IMAGES.to(dtype)).dtype == dtype
    assert as_float32(IMAGES) is IMAGES


def test_activations_of_inference_mode_can_be_trained_on():
    with torch.inference_mode():
        activations = IMAGES.clone()
    assert activations.is_inference()
    assert not as_float32(activations).is_inference()
