"""The attribution maps that the paper compares with (figure 6), from captum."""

from __future__ import annotations

import logging
import warnings
from copy import deepcopy

import torch
from captum.attr import DeepLift, IntegratedGradients, Saliency
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.classifier import Classifier

_logger = logging.getLogger(__name__)

# Activations that captum's DeepLIFT would treat as linear.
_NO_RULE_MODULES = (
    nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.SELU, nn.CELU,
    nn.PReLU,
)  # fmt: skip
_NO_RULE_CALLS = {
    F.gelu, F.silu, F.mish, F.hardswish, F.hardsigmoid, F.hardtanh, F.relu6, F.selu, F.celu, F.elu,
    F.leaky_relu, F.softplus, F.sigmoid, F.tanh, F.prelu, torch.sigmoid, torch.tanh, "sigmoid",
    "tanh",
}  # fmt: skip


def reference_maps(classifier: Classifier, images: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Return saliency, integrated gradients and DeepLIFT, each ``[n, h, w]``, summed over colours.

    Baselines are black images. DeepLIFT does not support modules that are called twice or work in
    place, so that it gets a copy of the network without such modules. It is left out for networks
    that cannot be traced, and for activations without a DeepLIFT rule, such as GELU.
    """
    images = images.detach().clone().to(classifier.device).requires_grad_()
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
            # captum warns about its own hooks on every call, and removes them.
            warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
            maps["DeepLIFT"] = DeepLift(unshared).attribute(images, target=classes)
    return {name: found.detach().sum(dim=1) for name, found in maps.items()}


def _unshared_activations(model: nn.Module) -> nn.Module | None:
    """Return a copy with a separate module for each ReLU, or ``None`` if DeepLIFT does not apply.

    DeepLIFT only recognises modules: it would treat ``F.relu`` as linear, and fails for a ReLU
    module that is called twice.
    """
    try:
        traced = torch.fx.symbolic_trace(deepcopy(model))
    except Exception as error:
        # Tracing runs the user's forward() with proxies, which may raise any exception.
        _logger.info("DeepLIFT is left out: the network can't be traced: %s", error)
        return None
    relus = {torch.relu, F.relu, "relu", "relu_"}
    for index, node in enumerate(list(traced.graph.nodes)):
        is_module = node.op == "call_module" and isinstance(
            traced.get_submodule(str(node.target)), nn.ReLU
        )
        if _has_no_rule(traced, node):
            _logger.info("DeepLIFT is left out: it has no rule for %s", node.target)
            return None
        is_call = node.op in ("call_function", "call_method") and node.target in relus
        if is_module or is_call:
            name = f"relu_of_its_own_{index}"
            traced.add_submodule(name, nn.ReLU())
            with traced.graph.inserting_after(node):
                own = traced.graph.call_module(name, (node.args[0],))
            node.replace_all_uses_with(own)
            traced.graph.erase_node(node)
    traced.recompile()
    return traced.eval()


def _has_no_rule(traced: torch.fx.GraphModule, node: torch.fx.Node) -> bool:
    if node.op == "call_module":
        return isinstance(traced.get_submodule(str(node.target)), _NO_RULE_MODULES)
    return node.op in ("call_function", "call_method") and node.target in _NO_RULE_CALLS
