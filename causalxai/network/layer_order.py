"""A network's layers in the order in which they run."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def in_order(
    model: nn.Module, images: Tensor, kinds: tuple[type[nn.Module], ...]
) -> tuple[str, ...]:
    """Return the names of the modules of some kinds, in the order in which they first run.

    Modules that do not run come last.

    Parameters
    ----------
    model
        The network.
    images
        ``[n, c, h, w]``, which the network is run on; on its device.
    kinds
        The classes of the modules.
    """
    names = {module: name for name, module in model.named_modules() if isinstance(module, kinds)}
    # A dictionary keeps the order of its keys, and each key once.
    ran: dict[str, None] = {}

    def note(module: nn.Module, _inputs: object) -> None:
        ran.setdefault(names[module])

    handles = [module.register_forward_pre_hook(note) for module in names]
    try:
        with torch.no_grad():
            model(images)
    finally:
        for handle in handles:
            handle.remove()
    return (*ran, *(name for name in names.values() if name not in ran))


def weighted_layers(model: nn.Module, images: Tensor) -> tuple[str, ...]:
    """Return the names of the modules that own parameters, in the order in which they run.

    Parameters
    ----------
    model
        The network.
    images
        ``[n, c, h, w]``, which the network is run on; on its device.
    """
    owners = tuple(
        {
            type(module)
            for module in model.modules()
            if next(module.parameters(recurse=False), None) is not None
        }
    )
    return tuple(
        name
        for name in in_order(model, images, owners)
        if next(model.get_submodule(name).parameters(recurse=False), None) is not None
    )
