"""Gradients that are zero although the logits change, as behind a rounding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from causalxai.errors import CapabilityError

_SHARES = (0.1, 0.5)
_ROUNDING = 1e-5
_SEED = 104_729  # not one that the inputs may have been drawn with

LogitsOf = Callable[[Tensor], Tensor]
"""A function from inputs ``[n, ...]`` to logits ``[n, K]``, such as a network."""


@torch.no_grad()
def logits_that_move(
    logits_of: LogitsOf, inputs: Tensor, span: tuple[float, float] | None = None
) -> Tensor:
    """Return which logits change by more than rounding when inputs are mixed with noise.

    Parameters
    ----------
    logits_of
        A network, or a part of one.
    inputs
        ``[n, ...]``.
    span
        The smallest and the largest value of the noise, such as 0 and 1 for images; those of the
        inputs unless given.

    Returns
    -------
    Tensor
        ``[n, K]``, boolean.
    """
    low, high = span or (float(inputs.min()), float(inputs.max()))
    noise = torch.rand(inputs.shape, generator=torch.Generator().manual_seed(_SEED))
    # Inputs that are all the same have no range.
    noise = low + (high - low or 1.0) * noise.to(inputs.device, inputs.dtype)
    before = logits_of(inputs.clone())
    moved = torch.zeros_like(before, dtype=torch.bool)
    for share in _SHARES:
        after = logits_of((1 - share) * inputs + share * noise)
        moved |= (after - before).abs() > _ROUNDING * (before.abs() + after.abs())
    return moved


def refuse_flat_gradients(who: str, logits_of: LogitsOf, inputs: Tensor) -> None:
    """Raise CapabilityError if the logits change with the inputs, but without a gradient.

    Parameters
    ----------
    who
        The name of the part that needs gradients, for the message.
    logits_of
        A network, or a part of one.
    inputs
        ``[n, ...]``; a few are enough.

    Raises
    ------
    CapabilityError
        If there is no gradient, or if it is zero for all inputs although the logits change.
    """
    with torch.enable_grad():
        leaf = inputs.detach().clone().requires_grad_()
        logits = logits_of(leaf)
        gradient = None
        if logits.requires_grad:
            # Different weights, because the gradients of normalised logits have the sum zero.
            weights = torch.linspace(1, 2, logits.shape[1], device=logits.device)
            (gradient,) = torch.autograd.grad((logits * weights).sum(), leaf, allow_unused=True)
    if gradient is None:
        raise CapabilityError(
            f"{who} needs gradients of the logits, and this network has none: a step of its "
            "forward(), such as no_grad, detach or numpy, cuts them off"
        )
    if not bool((gradient != 0).any()) and bool(logits_that_move(logits_of, inputs).any()):
        raise CapabilityError(
            f"{who} needs gradients of the logits, and those of this network are zero everywhere "
            "although its logits change: a step of its forward(), such as a rounding or a "
            "threshold, has no gradient"
        )
