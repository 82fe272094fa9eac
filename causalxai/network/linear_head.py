"""The linear last block of a classifier: from the embedding to the logits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from causalxai.errors import CapabilityError

# In evaluation mode these do nothing, wherever they stand.
_IDLE = (
    nn.Identity, nn.Flatten,
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout,
)  # fmt: skip


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

        def listen(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            heard.extend(_tensors(args, kwargs))

        handle = self.layer.register_forward_pre_hook(listen, with_kwargs=True)
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
            f"it is {last.name!r}, {_kind(last.layer)}"
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

    def note(
        layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor
    ) -> None:
        inputs = _tensors(args, kwargs)
        if inputs and isinstance(output, Tensor):
            # A copy: the network may go on to change the output in place.
            calls.append(_Call(names[layer], layer, inputs[0], output.clone()))

    handles = [layer.register_forward_hook(note, with_kwargs=True) for layer in _leaves(model)]
    try:
        with torch.no_grad():
            return calls, model(examples)
    finally:
        for handle in handles:
            handle.remove()


def _leaves(model: nn.Module) -> list[nn.Module]:
    """Return the layers without children; what makes a layer's weight is part of that layer."""
    layers = list(model.modules())
    making = {
        part
        for layer in layers
        if parametrize.is_parametrized(layer)
        for part in layer.get_submodule("parametrizations").modules()
    }
    return [
        layer for layer in layers if layer not in making and making.issuperset(layer.children())
    ]


def _tensors(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """Return the tensors among a call's arguments, by place and by keyword."""
    return [given for given in (*args, *kwargs.values()) if isinstance(given, Tensor)]


def _kind(layer: nn.Module) -> str:
    name = parametrize.type_before_parametrizations(layer).__name__
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
