"""Whether a network gives gradients by its images, and what its last operation is."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

# Operations that leave the values as they are.
_SAME_VALUES = (
    "Alias", "Clone", "Contiguous", "Expand", "Flatten", "Permute", "Reshape", "Select", "Slice",
    "Squeeze", "ToCopy", "Transpose", "Unsqueeze", "UnsafeView", "View", "CppFunction",
)  # fmt: skip


def gradient_fault(model: nn.Module, image: Tensor) -> tuple[Tensor | None, str]:
    """Ask for the gradient of the logits by an image.

    Parameters
    ----------
    model
        A network in evaluation mode.
    image
        ``[1, c, h, w]``.

    Returns
    -------
    logits
        ``[1, K]``; ``None`` if the network fails where gradients are computed.
    fault
        Why there is no gradient; empty if there is one.
    """
    logits: Tensor | None = None
    with torch.enable_grad(), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            leaf = image.clone().requires_grad_()
            logits = model(leaf)
            if not logits.requires_grad:
                return logits, "its logits do not follow from the image by differentiable steps"
            (gradient,) = torch.autograd.grad(logits.sum(), leaf, allow_unused=True)
        except Exception as error:
            # The network may be the user's own code, which may raise any exception.
            return logits, f"{type(error).__name__}: {error}"
    if gradient is None:
        return logits, "its logits do not depend on the image by differentiable steps"
    unknown = [str(warning.message) for warning in told if "autograd" in str(warning.message)]
    return logits, unknown[0].splitlines()[0] if unknown else ""


def squashed_by(logits: Tensor) -> str:
    """Return ``sigmoid`` or ``softmax`` if it was the last operation that changed the logits.

    Otherwise return an empty text.
    """
    step: Any = logits.grad_fn
    while step is not None and step.name().startswith(_SAME_VALUES):
        step = next((before for before, _ in step.next_functions if before is not None), None)
    name = "" if step is None else step.name().lower()
    return next((kind for kind in ("sigmoid", "softmax") if name.startswith(kind)), "")
