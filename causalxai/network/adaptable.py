"""Networks of all kinds as instances of classes whose ``forward`` is all that a call does.

What is done around each call of a network is done in the ``forward`` of a subclass (see
``causalxai.network.adaptation``). There are networks of which no such subclass can be made, because
their calls do something else than the ``forward`` of their class: networks of TorchScript or of
``torch.fx``, networks with a ``__call__`` or a ``forward`` of their own, and networks with hooks.
They are given another form here, in which they compute the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn

INSIDE = "_causalxai_inside"
"""The attribute of a network that keeps what its calls were before it got another form."""

_HOOKS = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_pre_hooks",
    "_backward_hooks",
)
"""Where a module keeps the hooks that run when it is called."""

_OF_GRAPHS = (
    *("_graph", "_lineno_map", "_prologue_start", "_tracer_cls", "_tracer_extras", "meta"),
    *("_replace_hooks", "_create_node_hooks", "_erase_node_hooks", "_deepcopy_hooks", "shape_env"),
    *("train", "eval"),
)
"""What a ``GraphModule`` needs only to be changed: its generated code reads none of it."""


class Scripted(nn.Module):
    """A network that TorchScript compiled, which can neither be subclassed nor be hooked.

    Parameters
    ----------
    network
        The network.
    """

    def __init__(self, network: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.network = network
        self.original_name = network.original_name
        # One that was frozen has no mode.
        self.training = getattr(network, "training", False)

    def forward(self, images: Tensor) -> Any:
        """Return what the network returns for images ``[n, c, h, w]``."""
        return self.network(images)


def adaptable(model: nn.Module) -> nn.Module:
    """Return a network in a form in which something can be done around each call of it.

    Parameters
    ----------
    model
        A copy of the user's network, which is given the form. One of TorchScript is wrapped.

    Returns
    -------
    nn.Module
        Computes the same. The names of layers and of weights are the same, but for TorchScript's,
        which begin with ``network.``.
    """
    if isinstance(model, torch.jit.ScriptModule):
        return Scripted(model)
    for part in model.modules():
        if isinstance(part, fx.GraphModule):
            _make_plain(part)
    if type(model).__call__ is not nn.Module.__call__ or _does_more(model):
        _move_inside(model)
    return model


def is_exported(model: nn.Module) -> bool:
    """Return whether a network is of ``torch.export``, which has fixed its mode."""
    return isinstance(model, fx.GraphModule) and "eval" in vars(model)


def stored_form(model: nn.Module) -> nn.Module:
    """Return the network whose weights are stored: without the wrapper of one of TorchScript."""
    return model.network if isinstance(model, Scripted) else model


def with_inside(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers of a network, and what is called inside of it if it has another form."""
    for part in model.modules():
        yield part
        if INSIDE in vars(part):
            yield vars(part)[INSIDE]


def _make_plain(graph: fx.GraphModule) -> None:
    """Make a ``GraphModule`` an instance of an ordinary class with the code that was generated.

    A ``GraphModule`` writes its ``forward`` into its class whenever it is copied or changed.
    """
    # Some generate their code only now.
    _ = graph.code
    generated = type(graph)
    members = {"forward": generated.forward, "__module__": generated.__module__}
    for name in _OF_GRAPHS:
        vars(graph).pop(name, None)
    graph.__class__ = type(generated.__name__, (nn.Module,), members)


def _does_more(model: nn.Module) -> bool:
    return "forward" in vars(model) or any(vars(model).get(name) for name in _HOOKS)


def _move_inside(model: nn.Module) -> None:
    """Let the ``forward`` of a network call another one, which shares all but its class and hooks.

    Layers, weights and buffers of both are in the same dictionaries, also in copies.
    """
    own = type(model)
    inside = object.__new__(own)
    vars(inside).update(vars(model))
    attributes = vars(model)
    attributes.pop("forward", None)
    attributes.update({name: OrderedDict() for name in _HOOKS if name in attributes})
    attributes["_is_full_backward_hook"] = None
    # Not as an attribute, which would make it a layer.
    attributes[INSIDE] = inside

    def forward(self: nn.Module, images: Tensor) -> Any:
        called = vars(self)[INSIDE]
        # torch.fx follows the forward() of a network, without its hooks.
        return called.forward(images) if isinstance(images, fx.Proxy) else called(images)

    members = {
        "forward": forward,
        "__call__": nn.Module.__call__,
        # Messages and the inspection of source code shall find the class that the user wrote.
        **{name: getattr(own, name) for name in ("__doc__", "__module__", "__qualname__")},
    }
    model.__class__ = type(own.__name__, (own,), members)
