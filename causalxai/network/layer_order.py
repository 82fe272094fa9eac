"""A network's layers in the order in which they run."""

from __future__ import annotations

import torch
from torch import nn

from causalxai.classifier import Classifier


def in_order(classifier: Classifier, kinds: tuple[type[nn.Module], ...]) -> tuple[str, ...]:
    """Return the names of the modules of some kinds, in the order in which they first run.

    Modules that do not run come last.
    """
    names = {
        module: name
        for name, module in classifier.model.named_modules()
        if isinstance(module, kinds)
    }
    ran: dict[str, None] = {}

    def note(module: nn.Module, _inputs: object) -> None:
        ran.setdefault(names[module])

    handles = [module.register_forward_pre_hook(note) for module in names]
    try:
        with torch.no_grad():
            classifier.model(torch.zeros(1, *classifier.image_shape, device=classifier.device))
    finally:
        for handle in handles:
            handle.remove()
    return (*ran, *(name for name in names.values() if name not in ran))


def weighted_layers(classifier: Classifier) -> tuple[str, ...]:
    """Return the names of the modules that own parameters, in the order in which they run."""
    owners = tuple(
        {
            type(module)
            for module in classifier.model.modules()
            if next(module.parameters(recurse=False), None) is not None
        }
    )
    model = classifier.model
    return tuple(
        name
        for name in in_order(classifier, owners)
        if next(model.get_submodule(name).parameters(recurse=False), None) is not None
    )
