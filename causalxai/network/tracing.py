"""Traced copies of networks, whose operations can be read one by one."""

from __future__ import annotations

from copy import deepcopy

from torch import fx, nn


class UntraceableError(Exception):
    """The network cannot be traced; the message says why."""


class _Tracer(fx.Tracer):
    """Takes convolutions and linear layers for one step, also those of other classes than torch's.

    A class of somebody's own pads its images itself, for example, before it convolves them.
    """

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        own = isinstance(m, nn.Conv2d | nn.Linear)
        return own or super().is_leaf_module(m, module_qualified_name)


def traced(model: nn.Module) -> fx.GraphModule:
    """Trace a copy of a network that shares its parameters.

    While it is traced, a network gets placeholders instead of images, and might keep them in its
    attributes. The copy has buffers of its own, into which the network may write.

    Hooks of the network as a whole are not traced, and what the network does besides operations on
    tensors is done once, while it is traced: compare the copy's answers with the network's.

    Raises
    ------
    UntraceableError
        If the network's control flow depends on its data, it can't be copied, or modules with
        modules of their own have hooks.
    """
    inner = [
        module for module in model.modules() if module is not model and _is_traced_into(module)
    ]
    if any(module._forward_hooks or module._forward_pre_hooks for module in inner):
        # Such hooks would get the placeholders, and might keep them outside the network.
        raise UntraceableError("modules that have modules of their own have hooks")
    try:
        copy = deepcopy(model, {id(tensor): tensor for tensor in model.parameters()})
        return fx.GraphModule(copy, _Tracer().trace(copy), type(copy).__name__)
    except Exception as error:
        # Tracing runs the user's forward() with proxies, which may raise any exception.
        raise UntraceableError(f"{type(error).__name__}: {error}") from error


def _is_traced_into(module: nn.Module) -> bool:
    return not _Tracer().is_leaf_module(module, "")
