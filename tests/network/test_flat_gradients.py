from __future__ import annotations

import pytest
import torch

from causalxai.errors import CapabilityError
from causalxai.network.flat_gradients import logits_that_move, refuse_flat_gradients

IMAGES = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def halves(images):
    return torch.stack([half.sum(dim=(1, 2, 3)) for half in images.split(2, dim=3)], dim=1)


def test_logits_move_where_the_image_is_seen():
    moved = logits_that_move(lambda images: halves(images) * torch.tensor([1.0, 0.0]), IMAGES)
    assert moved.tolist() == [[True, False]] * 3


def test_inputs_that_are_all_the_same_are_moved_too():
    assert logits_that_move(halves, torch.zeros(2, 1, 4, 4)).all()
    assert not logits_that_move(lambda images: halves(0 * images), torch.zeros(2, 1, 4, 4)).any()


@pytest.mark.parametrize(
    ("logits_of", "said"),
    [
        (lambda images: halves((images * 255).round() / 255), "zero everywhere"),
        (lambda images: halves(images.detach() + 0 * images), "zero everywhere"),
        (lambda images: halves(images.detach()), "cuts them off"),
        (torch.no_grad()(halves), "cuts them off"),
    ],
    ids=["rounding", "detached", "no gradient", "no_grad"],
)
def test_missing_gradients_are_refused(logits_of, said):
    with pytest.raises(CapabilityError, match=f"a method needs gradients.*{said}"):
        refuse_flat_gradients("a method", logits_of, IMAGES)


@pytest.mark.parametrize(
    "logits_of", [halves, lambda images: halves(images).log_softmax(1), lambda x: halves(0 * x)]
)
def test_gradients_and_logits_that_never_change_are_not_refused(logits_of):
    refuse_flat_gradients("a method", logits_of, IMAGES)
