"""The attribution maps that the paper compares with (figure 6), from captum."""

from __future__ import annotations

import warnings
from copy import deepcopy

import torch
from captum.attr import DeepLift, IntegratedGradients, Saliency
from torch import Tensor, nn

from causalxai.classifier import Classifier


def reference_maps(classifier: Classifier, inputs: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Return saliency, integrated gradients and DeepLIFT, each ``[n, h, w]``, summed over colours.

    Baselines are black images. DeepLIFT cannot follow a module that is called twice or works in
    place, so that it gets a copy of the network in which none does; it is left out where that
    is not enough.
    """
    images = inputs.detach().clone().to(classifier.device).requires_grad_()
    classes = target.to(classifier.device)
    model = classifier.model
    maps = {
        "saliency": Saliency(model).attribute(images, target=classes),
        "integrated gradients": IntegratedGradients(model).attribute(
            images, target=classes, n_steps=32, internal_batch_size=max(64, len(images))
        ),
    }
    unshared = _unshared_activations(model)
    if unshared is not None:
        with warnings.catch_warnings():
            # It announces its own hooks on every call, and removes them.
            warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
            maps["DeepLIFT"] = DeepLift(unshared).attribute(images, target=classes)
    return {name: found.detach().sum(dim=1) for name, found in maps.items()}


def _unshared_activations(model: nn.Module) -> nn.Module | None:
    """Return a copy whose activations are modules of their own; ``None`` if it can't be traced.

    DeepLIFT sees modules only: ``F.relu`` would be treated as linear, and a ReLU module that
    is called twice raises.
    """
    try:
        traced = torch.fx.symbolic_trace(deepcopy(model))
    except Exception:
        return None
    relus = {torch.relu, torch.nn.functional.relu, "relu", "relu_"}
    for index, node in enumerate(list(traced.graph.nodes)):
        is_module = node.op == "call_module" and isinstance(
            traced.get_submodule(str(node.target)), nn.ReLU
        )
        if is_module or node.target in relus:
            name = f"relu_of_its_own_{index}"
            traced.add_submodule(name, nn.ReLU())
            with traced.graph.inserting_after(node):
                own = traced.graph.call_module(name, (node.args[0],))
            node.replace_all_uses_with(own)
            traced.graph.erase_node(node)
    traced.recompile()
    return traced.eval()
