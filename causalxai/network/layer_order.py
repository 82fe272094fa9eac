"""A network's layers in the order in which they run."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def in_order(
    model: nn.Module, images: Tensor, kinds: tuple[type[nn.Module], ...]
) -> tuple[str, ...]:
    """Return the names of the modules of some kinds that run, in the order of their last runs.

    A module that runs several times stands where it runs for the last time; modules that do not
    run are left out.

    Parameters
    ----------
    model
        The network.
    images
        ``[n, c, h, w]``, which the network is run on; on its device.
    kinds
        The classes of the modules.
    """
    names = {
        module: name
        for name, module in model.named_modules()
        # TorchScript runs no hooks.
        if isinstance(module, kinds) and not isinstance(module, torch.jit.ScriptModule)
    }
    # A dictionary keeps the order of its keys, and each key once.
    ran: dict[str, None] = {}

    def note(module: nn.Module, _inputs: object) -> None:
        ran.pop(names[module], None)
        ran[names[module]] = None

    handles = [module.register_forward_pre_hook(note) for module in names]
    try:
        with torch.no_grad():
            model(images)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(ran)


def weighted_layers(model: nn.Module, images: Tensor) -> tuple[str, ...]:
    """Return the names of the modules that own parameters, in the order in which they run.

    A module that is never called itself may still be used by the module around it, as the output
    projection of ``nn.MultiheadAttention`` is. It stands behind that module, or first if only the
    network itself is around it.

    Parameters
    ----------
    model
        The network.
    images
        ``[n, c, h, w]``, which the network is run on; on its device.
    """
    position = {name: i for i, name in enumerate(in_order(model, images, (nn.Module,)))}

    def place(name: str) -> tuple[int, bool]:
        around = name
        while around and around not in position:
            around = around.rpartition(".")[0]
        ran = name in position
        return (position[around] if around or ran else -1), not ran

    owners = [
        name
        for name, module in model.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    return tuple(sorted(owners, key=place))
