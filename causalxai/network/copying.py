"""Copies of networks, so that the user's own stays as it is."""

from __future__ import annotations

from copy import deepcopy
from types import CellType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from causalxai.errors import ContractError
from causalxai.network.adaptation import OWN_FORWARD, inside_wrappers, name_of, unwrapped


def copied(model: nn.Module) -> nn.Module:
    """Return a copy of a network, without the wrappers of torch.compile and nn.DataParallel.

    A ``forward`` that was set on the network itself, and that refers to the network, refers to the
    copy in the copy.

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
    except Exception as error:
        # What a network keeps in its attributes may not be meant to be copied.
        raise ContractError(
            f"{name_of(inner)} cannot be copied, and a classifier holds a copy so that your "
            f"network stays as it is: {type(error).__name__}: {error}"
        ) from error
    for name in ("forward", OWN_FORWARD):
        own = vars(copy).get(name)
        if isinstance(own, FunctionType):
            vars(copy)[name] = _rebound(own, known)
    return unwrapped(copy)


def _detached(model: nn.Module) -> dict[int, Any]:
    """Return, by identity, copies of the tensors that layers keep of an earlier computation.

    Of these, deepcopy makes none. Layers with weight norm have such a tensor.
    """
    kept = [value for layer in model.modules() for value in vars(layer).values()]
    computed = [value for value in kept if isinstance(value, Tensor) and not value.is_leaf]
    return {id(value): value.detach().clone() for value in computed}


def _rebound(function: FunctionType, copies: dict[int, Any]) -> FunctionType:
    """Return a function that refers to copies where the given one refers to what was copied."""
    if function.__closure__ is None:
        return function
    cells = tuple(
        CellType(copies.get(id(cell.cell_contents), cell.cell_contents))
        for cell in function.__closure__
    )
    rebound = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        cells,
    )
    rebound.__kwdefaults__ = function.__kwdefaults__
    return rebound
