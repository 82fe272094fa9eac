"""The linear last layer of a classifier, which maps the embedding to the logits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from causalxai.errors import CapabilityError
from causalxai.network.adaptation import adaptation_of, as_float32, name_of
from causalxai.network.reading import PLAIN, Output, Reading

# These layers change no value in evaluation mode, and these only average over positions.
_IDLE = (
    nn.Identity, nn.Flatten,
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout,
)  # fmt: skip
_MEANS = (nn.AdaptiveAvgPool2d, nn.AvgPool2d)

_STEPS = 16
"""The largest difference of two means, in units of their type's precision."""


@dataclass(frozen=True)
class LinearHead:
    """The last layer of a classifier that maps its embedding to logits linearly.

    GLANCE assumes it [1]_ (assumption 1). It is a linear layer or a convolution that sees each
    position of a map alone, or the whole map at once. Where it has several positions, the logits
    are the mean over them, and so is the embedding: both means are the same linear map apart.

    Parameters
    ----------
    name
        The layer's name in the model.
    layer
        The layer itself. Its output units or channels are the logits or, where there are more of
        them or only one, are made logits of.
    reading
        How the classifier's logits are read from the layer's outputs: some of them, or two logits
        of one output. Linear.

    References
    ----------
    .. [1] Kori, Glocker, Toni, "GLANCE: Global to local architecture-neutral concept-based
       explanations", arXiv 2207.01917, section 3.1.
    """

    name: str
    layer: nn.Linear | nn.Conv2d
    reading: Reading = PLAIN

    @property
    def width(self) -> int:
        """The number of values in an embedding."""
        return math.prod(self.layer.weight.shape[1:])

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return the logits ``[n, K]`` for embeddings ``[n, l]``; differentiable."""
        # A layer's own type, such as bfloat16.
        given = embeddings.to(self.layer.weight.dtype)
        if isinstance(self.layer, nn.Linear):
            own = self.layer(given)
        else:
            own = F.linear(given, self.layer.weight.flatten(1), self.layer.bias)
        return self.reading.logits(as_float32(own))

    def embedding(self, inputs: Tensor) -> Tensor:
        """Return the embeddings ``[n, l]`` for what the layer receives; differentiable."""
        if isinstance(self.layer, nn.Linear):
            return _mean_over_positions(inputs)
        if self.layer.kernel_size == (1, 1):
            return _mean_over_positions(inputs.movedim(1, -1))
        return inputs.flatten(1)

    def pooled(self, output: Tensor) -> Tensor:
        """Return the logits ``[n, K]`` for what the layer returns: its mean over positions."""
        channel = -1 if isinstance(self.layer, nn.Linear) else 1
        return self.reading.logits(_mean_over_positions(output.movedim(channel, -1)))

    @contextmanager
    def recording(self) -> Iterator[list[Tensor]]:
        """Yield a list that receives the embedding ``[n, l]`` of each batch the model processes."""
        embeddings: list[Tensor] = []

        def record(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            embeddings.extend(self.embedding(given) for given in _tensors(args, kwargs))

        handle = self.layer.register_forward_pre_hook(record, with_kwargs=True)
        try:
            yield embeddings
        finally:
            handle.remove()


def _mean_over_positions(values: Tensor) -> Tensor:
    """Return ``[n, k]`` for ``[n, ..., k]``."""
    if values.dim() == 2:
        return values
    flat = values.flatten(1, -2)
    return flat[:, 0] if flat.shape[1] == 1 else flat.mean(dim=1)


def find_linear_head(model: nn.Module, examples: Tensor) -> LinearHead:
    """Return the linear layer whose output, or whose mean over positions, is the model's.

    Parameters
    ----------
    model
        A network in evaluation mode.
    examples
        ``[n, c, h, w]``, two or more images that are not blank, on which the model is tried.

    Raises
    ------
    CapabilityError
        If the last layer is not linear in an embedding, runs more than once, or if its output is
        changed afterwards; the message names the layer.
    """
    calls, logits = _calls_of(model, examples)
    effective = [call for call in calls if not isinstance(call.layer, (*_IDLE, *_MEANS))]
    if not effective:
        raise CapabilityError(f"{name_of(model)} has no layer that is a module of its own")
    reading = _linear_reading(model)
    # Layers whose output is not used, such as an auxiliary head, may run after the last one.
    last = next(
        (call for call in reversed(effective) if _gives(call, logits, reading)), effective[-1]
    )
    if not _is_linear(last):
        raise CapabilityError(
            "the classifier's last layer must be linear (nn.Linear, or a convolution that sees "
            f"each position alone or the whole map); it is {last.name!r}, {_kind(last)}"
            f"{_nearest(effective, logits, reading)}"
        )
    if sum(call.layer is last.layer for call in calls) > 1:
        raise CapabilityError(f"the classifier's last layer {last.name!r} must run once")
    if not _gives(last, logits, reading):
        raise CapabilityError(
            f"the classifier's logits must be the output of its last layer {last.name!r}, or the "
            "mean of that over all positions, but the network does something else with it: return "
            "the logits themselves, without softmax or scaling"
        )
    head = _head(last, reading)
    _require_linear(head, last)
    return head


def _linear_reading(model: nn.Module) -> Reading:
    """Return how the logits are read from the output of the layer before the end.

    Raises
    ------
    CapabilityError
        If they are not linear in the output of any layer.
    """
    reading = adaptation_of(model).reads
    if not reading.is_linear:
        raise CapabilityError(
            f"the classifier's last layer must be linear (nn.Linear), but {name_of(model)} gives "
            f"{reading.output} that are the softmax or sigmoid of no layer's output: let a layer "
            "give what goes into it"
        )
    output: Output = "binary-logit" if reading.is_binary else "logits"
    return Reading(output=output, classes=reading.classes)


def _head(call: _Call, reading: Reading) -> LinearHead:
    assert isinstance(call.layer, nn.Linear | nn.Conv2d)
    return LinearHead(call.name, call.layer, reading)


def _gives(call: _Call, logits: Tensor, reading: Reading) -> bool:
    """Return whether the logits are read from the output of a layer, or its mean over positions."""
    output = as_float32(call.output)
    if reading == PLAIN and output.numel() == logits.numel():
        return torch.equal(output.reshape(logits.shape), logits)
    pooled = _pooled(call, output, reading)
    # The network may sum in another order, and in another type.
    allowed = _STEPS * torch.finfo(call.output.dtype).eps * float(output.abs().max())
    return (
        pooled is not None
        and pooled.shape == logits.shape
        and torch.allclose(pooled, logits, rtol=0, atol=allowed)
    )


def _pooled(call: _Call, output: Tensor, reading: Reading) -> Tensor | None:
    """Return the logits that a linear layer would give, ``None`` if it is another layer."""
    if not _is_linear(call):
        return None
    plain = _head(call, PLAIN).pooled(output)
    return reading.logits(plain) if reading.fits(plain) else None


def _nearest(calls: Sequence[_Call], logits: Tensor, reading: Reading) -> str:
    """Return the end of a message with the last linear layer that gives a value for each class."""
    for call in reversed(calls):
        pooled = _pooled(call, call.output, reading)
        if pooled is not None and pooled.shape == logits.shape:
            return f"; the output of {call.name!r}, {_kind(call)}, would do if it were returned"
    return ""


def _is_linear(call: _Call) -> bool:
    """Return whether a layer is linear in one embedding for each image."""
    layer, inputs = call.layer, call.inputs
    if isinstance(layer, nn.Linear):
        return inputs.dim() >= 2
    if not isinstance(layer, nn.Conv2d) or inputs.dim() != 4:
        return False
    each = layer.kernel_size == (1, 1) and layer.stride == (1, 1)
    plain = layer.groups == 1 and layer.padding in ((0, 0), "valid", *(("same",) if each else ()))
    whole = layer.kernel_size == tuple(inputs.shape[2:]) and layer.dilation == (1, 1)
    return plain and (each or whole)


@torch.no_grad()
def _require_linear(head: LinearHead, call: _Call) -> None:
    """Refuse a subclass or a hook that makes something else of the input than its product."""
    embeddings = head.embedding(call.inputs)
    units = F.linear(embeddings, head.layer.weight.flatten(1), head.layer.bias)
    product, output = head.reading.logits(units), head.pooled(call.output)
    allowed = 1e-3 * float(product.abs().max())
    if not torch.allclose(product, output, rtol=0, atol=allowed):
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


def _kind(call: _Call) -> str:
    name = parametrize.type_before_parametrizations(call.layer).__name__
    said = f"an {name}" if name[0] in "AEIOU" else f"a {name}"
    if not isinstance(call.layer, nn.Conv2d):
        return said
    height, width = call.layer.kernel_size
    return f"{said} of {height} x {width} on maps of {' x '.join(map(str, call.inputs.shape[2:]))}"
