"""The linear last block of a classifier: from the embedding to the logits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from causalxai.errors import CapabilityError

# In evaluation mode these do nothing, wherever they stand.
_IDLE = (nn.Identity, nn.Dropout, nn.Flatten)


@dataclass(frozen=True)
class LinearHead:
    """The last layer of a classifier that maps its embedding to logits linearly.

    Assumption 1 of GLANCE [1]_, and what closed forms for the last layer rest on.

    Parameters
    ----------
    name
        The layer's name in the model.
    layer
        The layer itself: ``weight`` is ``[K, l]``, ``bias`` ``[K]`` or ``None``.

    References
    ----------
    .. [1] Kori, Glocker, Toni, "GLANCE: Global to local architecture-neutral concept-based
       explanations", arXiv 2207.01917, section 3.1.
    """

    name: str
    layer: nn.Linear

    @property
    def width(self) -> int:
        """The number of values in an embedding."""
        return self.layer.in_features

    @contextmanager
    def listening(self) -> Iterator[list[Tensor]]:
        """Collect the embeddings ``[n, l]`` of whatever the model is shown meanwhile."""
        heard: list[Tensor] = []
        handle = self.layer.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
        try:
            yield heard
        finally:
            handle.remove()


def find_linear_head(model: nn.Module, examples: Tensor) -> LinearHead:
    """Return the linear layer whose output is the model's.

    Parameters
    ----------
    model
        A network in evaluation mode.
    examples
        ``[n, c, h, w]``, images to try it on: two or more, and not blank.

    Raises
    ------
    CapabilityError
        If the last layer is not linear, runs more than once, does not see one vector for each
        image, or is not the end; the message names the layer.
    """
    calls, logits = _calls_of(model, examples)
    acting = [call for call in calls if not isinstance(call.layer, _IDLE)]
    if not acting:
        raise CapabilityError(f"{type(model).__name__} has no layer that is a module of its own")
    last = acting[-1]
    if not isinstance(last.layer, nn.Linear):
        raise CapabilityError(
            "the classifier's last layer must be linear (nn.Linear); "
            f"it is {last.name!r}, a {type(last.layer).__name__}"
        )
    if last.inputs.dim() != 2 or sum(call.layer is last.layer for call in calls) > 1:
        raise CapabilityError(
            f"the classifier's last layer {last.name!r} must see one vector for each image, once; "
            f"it sees {list(last.inputs.shape)}"
        )
    changed = last.output.shape != logits.shape or not torch.equal(last.output, logits)
    if changed:
        raise CapabilityError(
            f"the classifier's logits must be what its last layer {last.name!r} gives; something "
            "comes after it: return the logits themselves, without softmax or scaling"
        )
    return LinearHead(last.name, last.layer)


@dataclass(frozen=True)
class _Call:
    """One layer at work."""

    name: str
    layer: nn.Module
    inputs: Tensor
    output: Tensor


def _calls_of(model: nn.Module, examples: Tensor) -> tuple[list[_Call], Tensor]:
    """Return what each layer without children was given and gave, in order, and the logits."""
    calls: list[_Call] = []
    names = {layer: name for name, layer in model.named_modules()}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if inputs and isinstance(output, Tensor):
            # A copy: the network may go on to change the output in place.
            calls.append(_Call(names[layer], layer, inputs[0], output.clone()))

    leaves = [layer for layer in names if next(layer.children(), None) is None]
    handles = [layer.register_forward_hook(note) for layer in leaves]
    try:
        with torch.no_grad():
            return calls, model(examples)
    finally:
        for handle in handles:
            handle.remove()
