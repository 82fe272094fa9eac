"""The state of a network: everything that decides about its answers, as digests by name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from causalxai.errors import CapabilityError
from causalxai.network.adaptable import stored_form
from causalxai.network.adaptation import name_of

_WHOLE = 256 * 2**20
"""Tensors of up to so many bytes are digested whole, larger ones in evenly spaced parts."""
_PARTS = 4096


def state_of(module: nn.Module) -> dict[str, str]:
    """Return a description of each part of a network's state, by a name for messages.

    The parts are the values, types and shapes of parameters and buffers, whether they require
    gradients, the mode (training or evaluation) and the hooks of each module. Attributes of other
    kinds are not looked at.
    """
    found: dict[str, str] = {}
    for name, parameter in module.named_parameters():
        found[f"the weights {name!r}"] = tensor_digest(parameter)
        found[f"whether {name!r} requires gradients"] = str(parameter.requires_grad)
    for name, buffer in module.named_buffers():
        found[f"the buffer {name!r}"] = tensor_digest(buffer)
    for name, part in module.named_modules():
        where = f"module {name!r}" if name else "the network"
        # A network that TorchScript has frozen has no mode.
        trains = getattr(part, "training", False)
        found[f"the mode of {where}"] = "training" if trains else "evaluation"
        for kind, hooks in vars(part).items():
            if kind.endswith("_hooks") and isinstance(hooks, Mapping):
                found[f"the {kind.strip('_').replace('_', ' ')} of {where}"] = str(list(hooks))
    return found


def state_digest(module: nn.Module) -> str:
    """Return one digest of ``state_of``: equal if, and only if, nothing in it has changed."""
    return hashlib.sha256(repr(sorted(state_of(module).items())).encode()).hexdigest()


def plain_state(module: nn.Module) -> dict[str, Tensor]:
    """Return the state dict of a network, from which it can be restored.

    Raises
    ------
    CapabilityError
        If the state dict holds something else than plain tensors, as of quantised networks.
    """
    state: dict[str, Tensor] = dict(stored_form(module).state_dict())
    for name, value in state.items():
        plain = isinstance(value, Tensor) and value.layout == torch.strided
        if not plain or value.is_quantized:
            raise CapabilityError(
                f"{name_of(module)} cannot be stored: {name!r} in its state "
                f"dict is a {_kind(value)}, not a plain tensor; load the network as it was "
                "before it was quantised, or return plain tensors from state_dict()"
            )
    return state


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return "quantised tensor" if value.is_quantized else "sparse tensor"
    return type(value).__name__


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the names of the entries that were changed, added or removed."""
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def tensor_digest(tensor: Tensor) -> str:
    """Return a digest of a tensor's type, shape, device and values.

    Of a tensor of more than 256 MiB, 4 096 evenly spaced parts of 64 KiB are read, and the number
    of operations in place that torch has counted.
    """
    described = f"{tensor.dtype} {list(tensor.shape)} {tensor.layout} {tensor.device.type}"
    if nn.parameter.is_lazy(tensor) or tensor.is_meta:
        return described
    found = hashlib.sha256(described.encode())
    for part in _parts(tensor.detach()):
        found.update(part.contiguous().cpu().view(torch.uint8).numpy().data)
    if _bytes(tensor) > _WHOLE and not tensor.is_inference():
        found.update(str(tensor._version).encode())
    return found.hexdigest()


def _parts(tensor: Tensor) -> list[Tensor]:
    """Return flat tensors of plain numbers with the values of a tensor, or samples of them."""
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    if tensor.layout is torch.sparse_coo:
        tensor = tensor.coalesce()
        return [tensor.indices().flatten(), tensor.values().flatten()]
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    flat = tensor.resolve_neg().flatten()
    if _bytes(flat) <= _WHOLE:
        return [flat]
    length = 2**16 // flat.element_size()
    starts = torch.linspace(0, len(flat) - length, _PARTS, dtype=torch.float64).long().tolist()
    return [flat[start : start + length] for start in starts]


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
