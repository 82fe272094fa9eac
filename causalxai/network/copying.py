"""Copies of networks, so that the user's own stays as it is."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor, fx, nn

from causalxai.errors import ContractError
from causalxai.network.adaptable import with_inside
from causalxai.network.adaptation import inside_wrappers, name_of, unwrapped


def copied(model: nn.Module) -> nn.Module:
    """Return a copy of a network, without the wrappers of torch.compile and nn.DataParallel.

    Functions that are kept in attributes or as hooks and that refer to layers, such as a
    ``forward`` that was set on the network itself, refer to the copies of the layers in the copy.

    Raises
    ------
    ContractError
        If the network cannot be copied.
    """
    inner = inside_wrappers(model)
    known = _detached(inner)
    try:
        # Without gradients, because a scripted network copies its parameters as a computation.
        with torch.no_grad():
            copy = deepcopy(inner, known)
            for part in inner.modules():
                if isinstance(part, fx.GraphModule) and id(part) in known:
                    _complete(known[id(part)], part, known)
    except Exception as error:
        # What a network keeps in its attributes may not be meant to be copied.
        raise ContractError(
            f"{name_of(inner)} cannot be copied, and a classifier holds a copy so that your "
            f"network stays as it is: {type(error).__name__}: {error}"
        ) from error
    for part in with_inside(copy):
        # TorchScript keeps no functions.
        if not isinstance(part, torch.jit.ScriptModule):
            _rebind(vars(part), known)
    return unwrapped(copy)


def _detached(model: nn.Module) -> dict[int, Any]:
    """Return, by identity, copies of the tensors that layers keep of an earlier computation.

    Of these, deepcopy makes none. Layers with weight norm have such a tensor.
    """
    kept = [value for layer in model.modules() for value in vars(layer).values()]
    computed = [value for value in kept if isinstance(value, Tensor) and not value.is_leaf]
    return {id(value): value.detach().clone() for value in computed}


def _complete(copy: nn.Module, graph: fx.GraphModule, known: dict[int, Any]) -> None:
    """Copy what the copy of a ``GraphModule`` lacks: hooks, and a ``forward`` of its own."""
    for name, value in vars(graph).items():
        if name not in vars(copy) or "_hooks" in name:
            vars(copy)[name] = deepcopy(value, known)


def _rebind(values: dict[Any, Any], copies: dict[int, Any]) -> None:
    """Replace functions among the values, and those of hooks, with rebound ones."""
    for key, value in list(values.items()):
        if isinstance(value, FunctionType):
            values[key] = _rebound(value, copies)
        elif isinstance(key, str) and key.endswith("_hooks") and isinstance(value, dict):
            _rebind(value, copies)


def _rebound(value: Any, copies: dict[int, Any]) -> Any:
    """Return what refers to copies where something refers to what was copied."""
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, MethodType):
        owner = copies.get(id(value.__self__), value.__self__)
        return MethodType(_rebound(value.__func__, copies), owner)
    return _rebound_function(value, copies) if isinstance(value, FunctionType) else value


def _rebound_function(function: FunctionType, copies: dict[int, Any]) -> FunctionType:
    # In a notebook, a function finds the network among its globals.
    named = {name: function.__globals__.get(name) for name in _names(function.__code__)}
    changed = {name: copies[id(value)] for name, value in named.items() if id(value) in copies}
    cells = tuple(CellType() for _ in function.__closure__ or ())
    rebound = FunctionType(
        function.__code__,
        {**function.__globals__, **changed} if changed else function.__globals__,
        function.__name__,
        function.__defaults__,
        cells,
    )
    rebound.__kwdefaults__ = function.__kwdefaults__
    vars(rebound).update(vars(function))
    # A function may refer to itself.
    copies[id(function)] = rebound
    is_changed = bool(changed)
    for cell, old in zip(cells, function.__closure__ or (), strict=True):
        # A cell without contents belongs to a name that was deleted.
        with suppress(ValueError):
            cell.cell_contents = _rebound(old.cell_contents, copies)
            is_changed |= cell.cell_contents is not old.cell_contents
    if not is_changed:
        copies[id(function)] = function
    return rebound if is_changed else function


def _names(code: CodeType) -> set[str]:
    """Return the names of the globals that a function uses, with those of functions in it."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*map(_names, inner))
