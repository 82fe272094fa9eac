"""The list of a network's layers: what each is, what it returns, and what methods use it for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from causalxai.errors import CapabilityError
from causalxai.network.dividing_layers import dividing_layers
from causalxai.network.hidden_layer import first_tensor
from causalxai.network.linear_head import find_linear_head

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class LayerInfo:
    """A layer of a network, as it runs on one image.

    Parameters
    ----------
    name
        Its name, as in ``named_modules``.
    kind
        The name of its class.
    shape
        The shape of its output for one image, that of the last run; ``None`` if it does not run or
        its output has no tensor.
    parameters
        The number of parameters, with those of the layers inside it.
    runs
        How often it runs for a batch.
    is_head
        Whether it is the last layer and linear, as GLANCE needs it.
    is_convolution
        Whether it is a convolution, as Grad-CAM and the mediators' maps need it.
    divides
        Whether the logits follow from its output alone, as a method needs it that reads and changes
        a hidden layer.
    """

    name: str
    kind: str
    shape: tuple[int, ...] | None
    parameters: int
    runs: int
    is_head: bool = False
    is_convolution: bool = False
    divides: bool = False

    @property
    def uses(self) -> tuple[str, ...]:
        """What methods can use the layer as, in words."""
        words = {
            "linear last layer": self.is_head,
            "convolution": self.is_convolution,
            "the logits follow from it": self.divides,
        }
        return tuple(word for word, holds in words.items() if holds)


def list_layers(model: nn.Module, images: Tensor) -> tuple[LayerInfo, ...]:
    """Return the layers of a network in the order in which they begin to run.

    A layer stands behind the one that it is part of; layers that do not run come last.

    Parameters
    ----------
    model
        A network in evaluation mode, with frozen parameters.
    images
        ``[n, c, h, w]``, two or more that are not blank, on the network's device.
    """
    runs, shapes = _run(model, images)
    divides = {layer.name for layer in dividing_layers(model, images)}
    try:
        head = find_linear_head(model, images).name
    except CapabilityError:
        head = None
    named = {name: layer for name, layer in model.named_modules() if name}
    return tuple(
        LayerInfo(
            name=name,
            kind=parametrize.type_before_parametrizations(named[name]).__name__,
            shape=shapes.get(name),
            parameters=sum(parameter.numel() for parameter in named[name].parameters()),
            runs=runs.get(name, 0),
            is_head=name == head,
            is_convolution=name in runs and isinstance(named[name], _CONVOLUTIONS),
            divides=name in divides,
        )
        for name in [*runs, *(name for name in named if name not in runs)]
    )


def _run(
    model: nn.Module, images: Tensor
) -> tuple[dict[str, int], dict[str, tuple[int, ...] | None]]:
    """Return how often each layer runs, in the order of their first runs, and output shapes."""
    names = {
        layer: name
        for name, layer in model.named_modules()
        # TorchScript runs no hooks.
        if name and not isinstance(layer, torch.jit.ScriptModule)
    }
    runs: dict[str, int] = {}
    shapes: dict[str, tuple[int, ...] | None] = {}

    def begin(layer: nn.Module, _inputs: object) -> None:
        runs[names[layer]] = runs.get(names[layer], 0) + 1

    def end(layer: nn.Module, _inputs: object, output: object) -> None:
        tensor = first_tensor(output)
        shapes[names[layer]] = None if tensor is None else tuple(tensor.shape[1:])

    handles = [layer.register_forward_pre_hook(begin) for layer in names]
    handles += [layer.register_forward_hook(end) for layer in names]
    try:
        with torch.no_grad():
            model(images)
    finally:
        for handle in handles:
            handle.remove()
    return runs, shapes
