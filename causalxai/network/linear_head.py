"""The linear last layer of a classifier, which maps the embedding to the logits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from causalxai.errors import CapabilityError
from causalxai.network.adaptation import as_float32

# These layers change no value in evaluation mode.
_IDLE = (
    nn.Identity, nn.Flatten,
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout,
)  # fmt: skip


@dataclass(frozen=True)
class LinearHead:
    """The last layer of a classifier that maps its embedding to logits linearly.

    GLANCE assumes it [1]_ (assumption 1), and the closed forms for the last layer rest on it.

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

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return the logits ``[n, K]`` for embeddings ``[n, l]``; differentiable."""
        if self.layer.weight.dtype == torch.float32:
            logits: Tensor = self.layer(embeddings)
            return logits
        return as_float32(self.layer(embeddings.to(self.layer.weight.dtype)))

    @contextmanager
    def recording(self) -> Iterator[list[Tensor]]:
        """Yield a list that receives the embedding ``[n, l]`` of each batch the model processes."""
        embeddings: list[Tensor] = []

        def record(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            embeddings.extend(_tensors(args, kwargs))

        handle = self.layer.register_forward_pre_hook(record, with_kwargs=True)
        try:
            yield embeddings
        finally:
            handle.remove()


def find_linear_head(model: nn.Module, examples: Tensor) -> LinearHead:
    """Return the linear layer whose output is the model's.

    Parameters
    ----------
    model
        A network in evaluation mode.
    examples
        ``[n, c, h, w]``, two or more images that are not blank, on which the model is tried.

    Raises
    ------
    CapabilityError
        If the last layer is not linear, runs more than once, does not receive one vector for each
        image, or if its output is changed afterwards; the message names the layer.
    """
    calls, logits = _calls_of(model, examples)
    effective = [call for call in calls if not isinstance(call.layer, _IDLE)]
    if not effective:
        raise CapabilityError(f"{type(model).__name__} has no layer that is a module of its own")
    # Layers whose output is not used, such as an auxiliary head, may run after the last one.
    last = next((call for call in reversed(effective) if _same(call.output, logits)), effective[-1])
    if not isinstance(last.layer, nn.Linear):
        raise CapabilityError(
            "the classifier's last layer must be linear (nn.Linear); "
            f"it is {last.name!r}, {_kind(last.layer)}"
        )
    if last.inputs.dim() != 2 or sum(call.layer is last.layer for call in calls) > 1:
        raise CapabilityError(
            f"the classifier's last layer {last.name!r} must receive one vector for each image, "
            f"once; it receives {list(last.inputs.shape)}"
        )
    if not _same(as_float32(last.output), logits):
        raise CapabilityError(
            f"the classifier's logits must be the output of its last layer {last.name!r}, but the "
            "network changes that output: return the logits themselves, without softmax or scaling"
        )
    _require_linear(last)
    return LinearHead(last.name, last.layer)


def _same(output: Tensor, logits: Tensor) -> bool:
    return output.shape == logits.shape and torch.equal(output, logits)


@torch.no_grad()
def _require_linear(call: _Call) -> None:
    """Refuse a subclass or a hook that makes something else of the input than its product."""
    assert isinstance(call.layer, nn.Linear)
    product = F.linear(call.inputs, call.layer.weight, call.layer.bias)
    allowed = 1e-3 * float(product.abs().max())
    if not torch.allclose(product, call.output, rtol=0, atol=allowed):
        raise CapabilityError(
            f"the classifier's last layer {call.name!r} must give weight @ input + bias; it gives "
            "something else, by a forward of its own or by a hook"
        )


@dataclass(frozen=True)
class _Call:
    """One call of a layer: its input and its output."""

    name: str
    layer: nn.Module
    inputs: Tensor
    output: Tensor


def _calls_of(model: nn.Module, examples: Tensor) -> tuple[list[_Call], Tensor]:
    """Return the calls of all layers without children, in order, and the logits."""
    calls: list[_Call] = []
    names = {layer: name for name, layer in model.named_modules()}

    def note(
        layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor
    ) -> None:
        inputs = _tensors(args, kwargs)
        if inputs and isinstance(output, Tensor):
            # A copy, because the network may change the output in place afterwards.
            calls.append(_Call(names[layer], layer, inputs[0], output.clone()))

    handles = [layer.register_forward_hook(note, with_kwargs=True) for layer in _leaves(model)]
    try:
        with torch.no_grad():
            return calls, model(examples)
    finally:
        for handle in handles:
            handle.remove()


def _leaves(model: nn.Module) -> list[nn.Module]:
    """Return the layers without children; a parametrization counts as part of its layer."""
    layers = list(model.modules())
    parametrizations = {
        part
        for layer in layers
        if parametrize.is_parametrized(layer)
        for part in layer.get_submodule("parametrizations").modules()
    }
    return [
        layer
        for layer in layers
        if layer not in parametrizations
        and parametrizations.issuperset(layer.children())
        # TorchScript runs no hooks.
        and not isinstance(layer, torch.jit.ScriptModule)
    ]


def _tensors(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """Return the tensors among a call's positional and keyword arguments."""
    return [given for given in (*args, *kwargs.values()) if isinstance(given, Tensor)]


def _kind(layer: nn.Module) -> str:
    name = parametrize.type_before_parametrizations(layer).__name__
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
