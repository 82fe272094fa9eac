"""How much memory an image takes on its way through a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from causalxai.network.adaptable import Scripted

_COPIES = 4
"""Libraries copy activations into another order while they compute, as was measured."""
_BACKWARD = 3
"""What a backward pass takes, as a multiple of what the forward pass keeps, as was measured."""
_UNSEEN = 64
"""How many times an image's own bytes are assumed where the layers cannot be read."""


@torch.no_grad()
def bytes_at_widest(network: nn.Module, inputs: Tensor) -> float:
    """Return the bytes that a row takes at the widest place of a network, without gradients.

    Parameters
    ----------
    network
        In evaluation mode.
    inputs
        ``[n, ...]``, such as images, one or a few, on the network's device.
    """
    if isinstance(network, Scripted):
        return _UNSEEN * _bytes(inputs) / len(inputs)
    widest = _bytes(inputs)

    def note(_module: nn.Module, read: Any, returned: Any) -> None:
        nonlocal widest
        widest = max(widest, _bytes(read) + _bytes(returned))

    handles = [module.register_forward_hook(note) for module in network.modules()]
    try:
        network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return _COPIES * widest / len(inputs)


def bytes_for_gradients(
    compute: Callable[[Tensor], object], inputs: Tensor, networks: Sequence[nn.Module]
) -> float:
    """Return the bytes that a row of a computation takes when its gradients are computed.

    What the forward pass keeps is counted; the backward pass takes a few times as much.

    Parameters
    ----------
    compute
        The computation.
    inputs
        ``[n, ...]``, a few rows of floats, on the networks' device.
    networks
        The networks that it runs, in evaluation mode. Their weights are not counted.
    """
    parameters = (weight for network in networks for weight in network.parameters())
    weights = {weight.untyped_storage().data_ptr() for weight in parameters}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.enable_grad(), saved_tensors_hooks(note, lambda tensor: tensor):
        # Networks with frozen weights keep nothing unless the inputs need gradients.
        _ = compute(inputs.detach().clone().requires_grad_())
    return _BACKWARD * sum(kept.values()) / len(inputs)


def _bytes(value: Any) -> int:
    """Return the bytes of a tensor, or of all in a tuple, list or mapping."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, dict):
        return sum(map(_bytes, value.values()))
    return sum(map(_bytes, value)) if isinstance(value, tuple | list) else 0
