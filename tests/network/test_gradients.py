from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai.network.gradients import gradient_fault, squashed_by

IMAGE = torch.rand(1, 1, 2, 2, generator=torch.Generator().manual_seed(0))


class Of(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images.flatten(1))


@torch.no_grad()
def without(x):
    return 2 * x


class NoBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gradient):
        raise NotImplementedError("left out")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (torch.sin, ""),
        (torch.round, ""),
        (without, "do not follow from the image by differentiable steps"),
        (lambda x: x.detach() * torch.ones(1, requires_grad=True), "do not depend on the image"),
        (NoBackward.apply, "NotImplementedError: left out"),
        (lambda x: x.clone().relu_(), ""),
    ],
)
def test_a_missing_gradient_has_a_reason(function, says: str):
    logits, fault = gradient_fault(Of(function), IMAGE)
    assert logits is not None
    assert says in fault and bool(says) == bool(fault)


def test_a_network_that_fails_where_gradients_are_computed_has_no_logits():
    def fails(x):
        if torch.is_grad_enabled():
            raise ValueError("not here")
        return x

    assert gradient_fault(Of(fails), IMAGE) == (None, "ValueError: not here")


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (torch.sigmoid, "sigmoid"),
        (lambda x: torch.sigmoid(x)[:, :3], "sigmoid"),
        (lambda x: torch.sigmoid(x.double()).float(), "sigmoid"),
        (lambda x: torch.sigmoid(x)[:, None].squeeze(1), "sigmoid"),
        (lambda x: x.softmax(1)[:, 1:], "softmax"),
        (lambda x: torch.sigmoid(x) + 1, ""),
        (lambda x: torch.sigmoid(x).log(), ""),
        (lambda x: x.log_softmax(1), ""),
        (lambda x: x, ""),
    ],
)
def test_a_sigmoid_or_softmax_at_the_end_is_seen(function, kind: str):
    assert squashed_by(function((2 * IMAGE).flatten(1).requires_grad_())) == kind


def test_the_image_itself_is_not_squashed():
    assert squashed_by(IMAGE) == ""
