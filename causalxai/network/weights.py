"""Weights files: reading them without running pickled code, and loading them into a network."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from causalxai.errors import DataError, did_you_mean

_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.")
"""The names under which wrappers, and classes that train a network, have it."""
_STATE_DICTS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "weights")
"""The names under which checkpoints of a training have the state dict, the likeliest first."""

_LOG = logging.getLogger(__name__)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from ``.safetensors``, or from ``.pt`` or ``.pth`` as weights alone.

    Of a checkpoint with more than the weights, the state dict is taken, which is logged.

    Raises
    ------
    DataError
        If the file is missing, damaged, of another kind or holds more than named tensors.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file of weights")
    match path.suffix:
        case ".safetensors":
            try:
                return load_file(path)
            except SafetensorError as error:
                raise DataError(f"{path}: cannot be read: {error}") from error
        case ".pt" | ".pth":
            return _read_torch(path)
        case _:
            raise DataError(f"{path}: weights are .safetensors, .pt or .pth")


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # The exception of torch.load for a damaged file depends on the kind of damage.
        raise DataError(
            f"{path}: cannot be read as weights alone ({type(error).__name__}); "
            "save the model's state_dict()"
        ) from error
    content = _state_dict(path, content)
    if not _is_state_dict(content):
        raise DataError(f"{path}: must hold tensors by name, as state_dict() gives them")
    return {str(name): value for name, value in content.items()}


def _state_dict(path: Path, content: Any) -> Any:
    """Return the state dict in a checkpoint, or the content as it is."""
    if not isinstance(content, Mapping) or _is_state_dict(content):
        return content
    found = [name for name in _STATE_DICTS if content.get(name) and _is_state_dict(content[name])]
    if not found:
        return content
    others = [str(name) for name in content if name != found[0]]
    _LOG.info(
        "%s: the weights are those under %r%s", path, found[0],
        f"; {', '.join(others)} are left out" if others else "",
    )  # fmt: skip
    return content[found[0]]


def _is_state_dict(content: Any) -> bool:
    return isinstance(content, Mapping) and all(
        isinstance(value, Tensor) for value in content.values()
    )


def load_weights(model: nn.Module, weights: Mapping[str, Tensor], *, origin: str) -> None:
    """Copy weights into a network that has exactly their names and shapes.

    A prefix of all names, such as those of ``nn.DataParallel``, ``torch.compile`` and of classes
    that train a network as their ``model``, is taken off, which is logged.

    Parameters
    ----------
    model
        The network, which is changed in place.
    weights
        Parameters and buffers by name.
    origin
        Where the weights come from, for the message.

    Raises
    ------
    DataError
        If a name is missing or unknown, or a shape or the kind of numbers differs; the message
        has the first one, and the network is unchanged.
    """
    own = model.state_dict()
    weights = _without_wrappers(weights, own, origin)
    for name, tensor in own.items():
        # Older torchvision checkpoints lack the counter of batch normalisation, which is filled in.
        if name not in weights and name.endswith("num_batches_tracked"):
            continue
        if name not in weights:
            raise DataError(f"{origin}: lacks {name}{did_you_mean(name, list(weights))}")
        # The weights of a lazy layer have no shape until they are loaded.
        if not is_lazy(tensor) and weights[name].shape != tensor.shape:
            raise DataError(
                f"{origin}: {name} has the shape {list(weights[name].shape)}, "
                f"but the network's has {list(tensor.shape)}"
            )
        if weights[name].is_floating_point() != tensor.is_floating_point():
            raise DataError(
                f"{origin}: {name} has numbers of type {weights[name].dtype}, but the "
                f"network's are {tensor.dtype}"
            )
    if unknown := [name for name in weights if name not in own]:
        raise DataError(
            f"{origin}: the network has no {unknown[0]}{did_you_mean(unknown[0], list(own))}"
        )
    model.load_state_dict(dict(weights))


def _without_wrappers(
    weights: Mapping[str, Tensor], own: Mapping[str, object], origin: str
) -> dict[str, Tensor]:
    """Return weights without the prefixes of wrappers, unless the network has these names."""
    found = dict(weights)
    while prefix := next(
        (each for each in _WRAPPERS if all(n.startswith(each) for n in found)), ""
    ):
        if not found or any(name in own for name in found):
            break
        _LOG.info("%s: all names begin with %r, which is taken off", origin, prefix)
        found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    return found
