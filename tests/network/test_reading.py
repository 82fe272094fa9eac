from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn

from causalxai.errors import ContractError
from causalxai.network.reading import PLAIN, Reading, find_answer, read, require_answer

LOGITS = 4 * torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
Pair = namedtuple("Pair", "first second")


@dataclass
class Answer:
    scores: Tensor
    count: int = 3


def centred(logits: Tensor) -> Tensor:
    return logits.log_softmax(dim=1)


def test_plain_logits_are_read_as_they_are():
    assert PLAIN.logits(PLAIN.values(LOGITS)) is LOGITS


@pytest.mark.parametrize(
    ("output", "values"),
    [
        ("probabilities", LOGITS.softmax(1)),
        ("log-probabilities", LOGITS.log_softmax(1)),
        ("logits", LOGITS),
    ],
)
def test_logits_have_the_probabilities_of_the_outputs(output, values):
    found = Reading(output=output).logits(values)
    torch.testing.assert_close(found.softmax(1), LOGITS.softmax(1))


@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_one_output_becomes_two_logits_that_mirror_each_other(shape):
    one = LOGITS[:, 0].reshape(shape)
    for reading, values in (
        (Reading(output="binary-logit"), one),
        (Reading(output="binary-probability"), one.sigmoid()),
    ):
        found = reading.logits(values)
        torch.testing.assert_close(found.softmax(1)[:, 1], LOGITS[:, 0].sigmoid())
        torch.testing.assert_close(found[:, 0], -found[:, 1])


def test_certain_probabilities_have_finite_logits_and_gradients():
    certain = torch.tensor([[1.0, 0.0]], requires_grad=True)
    for output, values in (("probabilities", certain), ("binary-probability", certain[:, :1])):
        logits = Reading(output=output).logits(values)
        (gradient,) = torch.autograd.grad(logits.sum(), certain)
        assert torch.isfinite(logits).all() and torch.isfinite(gradient).all()


def test_half_precision_has_finite_logits():
    halves = torch.tensor([[1.0, 0.0]], dtype=torch.float16)
    assert torch.isfinite(Reading(output="probabilities").logits(halves)).all()


def test_classes_are_columns_in_their_order():
    assert torch.equal(Reading(classes=(2, 0)).logits(LOGITS), LOGITS[:, [2, 0]])
    some = Reading(output="probabilities", classes=(2, 0)).logits(LOGITS.softmax(1))
    torch.testing.assert_close(some.softmax(1), LOGITS[:, [2, 0]].softmax(1))


def test_axes_of_length_one_are_taken_off():
    assert torch.equal(Reading(is_flat=False).logits(LOGITS[..., None, None]), LOGITS)


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        (LOGITS, None),
        ({"logits": LOGITS, "features": LOGITS}, "logits"),
        (SimpleNamespace(logits=LOGITS, features=LOGITS), "logits"),
        ((LOGITS,), 0),
        ((None, LOGITS, "text"), 1),
        ({"out": LOGITS, "count": 3}, "out"),
        (Answer(LOGITS), "scores"),
        (Pair(None, LOGITS), "second"),
    ],
)
def test_the_outputs_are_found_where_only_they_can_be_meant(returned: Any, answer):
    assert find_answer(returned, "Net must return logits") == answer
    assert Reading(answer).values(returned) is LOGITS


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (
            (LOGITS, LOGITS[:, :1]),
            r"tuple with the tensors 0 \[5, 3\], 1 \[5, 1\]: say with",
        ),
        ({"a": LOGITS, "b": LOGITS}, r"dict with the tensors 'a' \[5, 3\], 'b'"),
        (None, "gives NoneType$"),
        ([], "gives list$"),
    ],
)
def test_several_tensors_or_none_are_told(returned: Any, says: str):
    with pytest.raises(ContractError, match=says):
        find_answer(returned, "Net must return logits")


def test_a_stated_answer_must_be_there():
    answers = {"a": LOGITS, "bees": LOGITS}
    require_answer(answers, "a", "Net")
    require_answer((LOGITS, LOGITS), -1, "Net")
    with pytest.raises(ContractError, match=r"Net returns dict, .* 'bee'; did you mean 'bees'"):
        require_answer(answers, "bee", "Net")
    with pytest.raises(ContractError, match=r"no tensor 2 \(there are: 0, 1\)"):
        require_answer((LOGITS, LOGITS), 2, "Net")


def test_a_tensor_that_cannot_be_read_does_not_fit():
    assert Reading(classes=(0, 2)).fits(LOGITS) and not Reading(classes=(0, 3)).fits(LOGITS)
    assert not Reading().fits(LOGITS[..., None]) and Reading(is_flat=False).fits(LOGITS[..., None])
    binary = Reading(output="binary-logit")
    assert binary.fits(LOGITS[:, 0]) and binary.fits(LOGITS[:, :1]) and not binary.fits(LOGITS)


class Ends(nn.Module):
    """Ends in a softmax, with the linear layer at some depth."""

    def __init__(self, depth: bool) -> None:
        super().__init__()
        self.last: nn.Module = Inner() if depth else nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(images.flatten(1)).softmax(dim=-1) + 0


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return 2 * self.fc(x)


@pytest.mark.parametrize("depth", [False, True])
def test_the_layer_before_the_softmax_is_read_and_traced(depth: bool):
    network = Ends(depth)
    reading = Reading(output="probabilities", layer="last")
    images = torch.rand(5, 1, 2, 2)

    class Reads(Ends):
        def forward(self, images: Tensor) -> Tensor:
            return read(self, reading, lambda: Ends.forward(self, images), images)

    expected = network.last(images.flatten(1))
    network.__class__ = Reads
    assert torch.equal(network(images), expected)
    assert not network.last._forward_hooks
    traced = fx.symbolic_trace(network)
    assert torch.equal(traced(images), expected)
    assert "softmax" not in traced.code
