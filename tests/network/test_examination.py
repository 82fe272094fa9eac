"""Odd networks as a whole are in tests/trust; here are the parts of the examination."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai.errors import ContractError
from causalxai.network.adaptation import Adaptation, adaptation_of
from causalxai.network.examination import Examination
from causalxai.network.reading import Reading

IMAGES = torch.rand(4, 1, 2, 2, generator=torch.Generator().manual_seed(0))


class Sums(nn.Module):
    """The sum of each image and its negative, plus what ``odd`` makes of the batch."""

    def __init__(self, odd=lambda images: 0.0) -> None:
        super().__init__()
        self.odd = odd
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        sums = images.sum(dim=(1, 2, 3))
        return torch.stack([sums, -sums], dim=1) + self.odd(images)


def examine(network: nn.Module) -> None:
    examination = Examination(network.eval(), 2)
    examination.first_call(IMAGES[:1])
    examination.try_on(IMAGES)


def test_a_plain_network_passes_and_is_left_as_it_is():
    network = Sums()
    before = torch.get_rng_state()
    examine(network)
    assert type(network) is Sums
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("share", "passes"), [(1e-6, True), (1e-3, False)], ids=["rounding", "more than rounding"]
)
def test_other_batches_may_differ_by_rounding_alone(share: float, passes: bool):
    network = Sums(lambda images: share * len(images))
    if passes:
        return examine(network)
    with pytest.raises(ContractError, match="for an image in another batch"):
        return examine(network)


def test_bfloat16_within_the_network_rounds_more():
    examine(Sums(lambda images: 0 * images.to(torch.bfloat16).sum() + 2e-3 * len(images)))


def test_the_largest_difference_is_told():
    with pytest.raises(ContractError, match=r"logits of up to 5\.\d+ differ by 3;"):
        examine(Sums(lambda images: 3 * float(len(images) > 1)))


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        (lambda images: 0 * images.add_(1).sum(), Adaptation(copies_images=True)),
        # A write that changes no value would still break gradients.
        (lambda images: 0 * images.clamp_(0, 1).sum(), Adaptation(copies_images=True)),
        (lambda images: images.new_zeros(1).double(), Adaptation(gives_float32=True)),
    ],
)
def test_what_can_be_made_right_is(odd, expected: Adaptation):
    network = Sums(odd)
    examine(network)
    assert adaptation_of(network) == expected
    examine(network)
    assert adaptation_of(network) == expected


def test_a_network_that_takes_another_type_is_given_it():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).double()
    examine(network)
    assert adaptation_of(network) == Adaptation(torch.float64, gives_float32=True)


def test_an_error_of_a_network_of_another_type_is_its_own():
    network = nn.Sequential(nn.Flatten(), nn.Linear(5, 2)).double()
    with pytest.raises(ContractError, match=r"one image of shape .* RuntimeError"):
        examine(network)
    assert adaptation_of(network) == Adaptation()


@pytest.mark.parametrize("share", [0, 1], ids=["answers the same", "answers differently"])
def test_a_network_that_counts_its_calls_in_a_buffer_is_refused(share: int):
    network = Sums()
    network.odd = lambda _images: share * network.seen.add_(1)
    with pytest.raises(ContractError, match="changes the buffer 'seen' whenever it is called"):
        examine(network)


def test_a_network_that_draws_without_need_is_refused():
    with pytest.raises(ContractError, match="draws random numbers"):
        examine(Sums(lambda _images: 0 * torch.rand(())))


def test_a_network_that_seeds_what_it_draws_is_refused():
    def seeded(_images: Tensor) -> Tensor:
        torch.manual_seed(0)
        return 0 * torch.rand(())

    with pytest.raises(ContractError, match="draws random numbers"):
        examine(Sums(seeded))


def test_hooks_that_do_what_only_forward_may_do_are_refused():
    network = Sums()
    network.register_forward_pre_hook(lambda _net, args: (args[0].mul_(0.5),))
    with pytest.raises(ContractError, match="a hook of Sums writes into the images"):
        examine(network)
    network = Sums()
    network.register_forward_hook(lambda _net, _args, output: output.double())
    with pytest.raises(ContractError, match="a hook of Sums does not take and give float32"):
        examine(network)


def test_outputs_between_0_and_1_are_remarked_on(caplog):
    examine(nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(2)))
    assert "lie between 0 and 1" in caplog.text


def test_what_a_network_leaves_changed_is_put_back():
    with pytest.raises(ContractError, match="default type or its gradient mode"):
        examine(Sums(lambda _images: torch.set_default_dtype(torch.float64) or 0.0))
    assert torch.get_default_dtype() == torch.float32


def test_a_sigmoid_at_the_end_of_what_is_read_is_refused():
    network = nn.Sequential(Sums(), nn.Sigmoid())
    stated = Reading(output="binary-logit")
    network = nn.Sequential(network, nn.Linear(2, 1, bias=False), nn.Sigmoid())
    examination = Examination(network.eval(), 2)
    examination.first_call(IMAGES, stated)
    with pytest.raises(ContractError, match=r"ends in a sigmoid.* say with output="):
        examination.gradient_fault(IMAGES[:1], examination.try_on(IMAGES)[:1])


def test_a_layer_that_explains_random_pictures_alone_is_not_read():
    """The softmax of its last layer for the first pictures, of something else for others."""
    network = Fickle().eval()
    examination = Examination(network, 2)
    examination.first_call(IMAGES, Reading(output="probabilities"))
    assert adaptation_of(network).reads.layer == "out"
    logits = examination.try_on(2 + IMAGES)
    assert adaptation_of(network).reads.layer == ""
    torch.testing.assert_close(logits.softmax(1), Fickle.forward(network, 2 + IMAGES))


class Fickle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = Sums()

    def forward(self, images: Tensor) -> Tensor:
        cold = 1 + (images.amax(dim=(1, 2, 3)) > 1)[:, None]
        return (self.out(images) / cold).softmax(1)


def test_probabilities_are_no_logits():
    with pytest.raises(ContractError, match="returns probabilities"):
        examine(nn.Sequential(Sums(), nn.Softmax(1)))
    examine(nn.Sequential(Sums(), nn.LogSoftmax(1)))


def gradient_fault(network: nn.Module) -> str:
    with torch.no_grad():
        plain = network(IMAGES[:1])
    return Examination(network, 2).gradient_fault(IMAGES[:1], plain)


def test_gradients_are_looked_for():
    assert gradient_fault(Sums()) == ""
    assert "differentiable steps" in gradient_fault(nn.Sequential(Detached(), Sums()))


class Detached(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.detach()


def test_answers_do_not_depend_on_gradients_or_hooks():
    with pytest.raises(ContractError, match="where gradients are computed or its layers are read"):
        gradient_fault(Sums(lambda _images: float(torch.is_grad_enabled())))
    network = Sums()
    network.odd = lambda _images: float(len(network._forward_hooks))
    with pytest.raises(ContractError, match="where gradients are computed or its layers are read"):
        gradient_fault(network)
    assert not network._forward_hooks


def test_a_sigmoid_at_the_end_is_refused():
    with pytest.raises(ContractError, match="ends in a sigmoid"):
        gradient_fault(nn.Sequential(Sums(), nn.Sigmoid()))
