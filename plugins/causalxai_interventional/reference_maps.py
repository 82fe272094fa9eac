"""The attribution maps that the paper compares with (figure 6), from captum."""

from __future__ import annotations

import warnings
from typing import cast

import torch
from captum.attr import DeepLift, IntegratedGradients, Saliency
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai.network.flat_gradients import refuse_flat_gradients
from causalxai.network.tracing import UntraceableError, traced

_GAP_TOLD = 0.05
_GAP_ALLOWED = 0.01
_SMALL = 1e-3

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


def reference_maps(
    classifier: Classifier, images: Tensor, target: Tensor
) -> tuple[dict[str, Tensor], list[str]]:
    """Return saliency, integrated gradients and DeepLIFT, summed over colours.

    Baselines are black images. A map that the network does not allow is left out: all of them where
    it has no gradients; DeepLIFT where the maps' sums are not the differences of the logits, as for
    activations without a rule, such as GELU.

    Returns
    -------
    maps
        By name, each ``[n, h, w]``.
    remarks
        Which maps are left out or doubtful, and why.
    """
    try:
        classifier.require_gradients("a reference map")
        refuse_flat_gradients("a reference map", classifier.model, images.to(classifier.device))
    except CapabilityError as error:
        return {}, [f"the reference maps are left out: {error}"]
    given = images.detach().clone().to(classifier.device).requires_grad_()
    classes = target.to(classifier.device)
    difference = _difference(classifier, given, classes)
    values = {
        "saliency": Saliency(classifier.model).attribute(given, target=classes),
        "integrated gradients": IntegratedGradients(classifier.model).attribute(
            given, target=classes, n_steps=32, internal_batch_size=max(64, len(images))
        ),
    }
    remarks = []
    missing = _missing(values["integrated gradients"], difference)
    if missing > _GAP_TOLD:
        remarks.append(
            "the sums of the maps of integrated gradients miss the differences of the logits by "
            f"{missing:.0%}"
        )
    deep_lift = _deep_lift(classifier, given, classes)
    if isinstance(deep_lift, str):
        remarks.append(f"DeepLIFT is left out: {deep_lift}")
    elif (missing := _missing(deep_lift, difference)) > _GAP_ALLOWED:
        remarks.append(
            f"DeepLIFT is left out: the sums of its maps miss the differences of the logits by "
            f"{missing:.0%}"
        )
    else:
        values["DeepLIFT"] = deep_lift
    maps = {name: found.detach().sum(dim=1) for name, found in values.items()}
    infinite = [name for name, found in maps.items() if not bool(found.isfinite().all())]
    if infinite:
        remarks.append(f"{', '.join(infinite)} are left out: the gradient is not finite")
    return {name: found for name, found in maps.items() if name not in infinite}, remarks


@torch.no_grad()
def _difference(classifier: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """Return ``[n]``, how far each image's logit is above that of a black image."""
    above, below = classifier.model(images.detach()), classifier.model(torch.zeros_like(images))
    return (above - below).gather(1, classes[:, None])[:, 0]


def _missing(values: Tensor, difference: Tensor) -> float:
    """Return by which share of the differences the maps' sums miss them, on average."""
    gap = (values.detach().flatten(1).sum(dim=1) - difference).abs().mean()
    return float(gap / difference.abs().mean().clamp(min=_SMALL))


def _deep_lift(classifier: Classifier, images: Tensor, classes: Tensor) -> Tensor | str:
    """Return the attributions of DeepLIFT, or why there are none.

    It does not support modules that are called twice or work in place, so that it gets a copy of
    the network without such modules.
    """
    try:
        copy = _unshared_activations(classifier.model)
    except UntraceableError as error:
        return f"the network can't be traced: {error}"
    if isinstance(copy, str):
        return f"it has no rule for {copy}"
    with torch.no_grad():
        apart = (copy(images.detach()) - classifier.model(images.detach())).abs().max()
    if float(apart) > _SMALL:
        return "a traced copy of the network gives other logits"
    with warnings.catch_warnings():
        # captum warns about its own hooks on every call, and removes them.
        warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
        try:
            return cast("Tensor", DeepLift(copy).attribute(images, target=classes))
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            # captum runs the user's forward() under its hooks, which may raise any exception.
            return f"it cannot follow the network: {error}"


def _unshared_activations(model: nn.Module) -> nn.Module | str:
    """Return a copy with a separate module for each ReLU, or what DeepLIFT has no rule for.

    DeepLIFT only recognises modules: it would treat ``F.relu`` as linear, and fails for a ReLU
    module that is called twice.
    """
    graph = traced(model)
    relus = {torch.relu, F.relu, "relu", "relu_"}
    for index, node in enumerate(list(graph.graph.nodes)):
        is_module = node.op == "call_module" and isinstance(
            graph.get_submodule(str(node.target)), nn.ReLU
        )
        if _has_no_rule(graph, node):
            return str(node.target)
        is_call = node.op in ("call_function", "call_method") and node.target in relus
        if is_module or is_call:
            name = f"relu_of_its_own_{index}"
            graph.add_submodule(name, nn.ReLU())
            with graph.graph.inserting_after(node):
                own = graph.graph.call_module(name, (node.args[0],))
            node.replace_all_uses_with(own)
            graph.graph.erase_node(node)
    graph.recompile()
    return graph.eval()


def _has_no_rule(graph: torch.fx.GraphModule, node: torch.fx.Node) -> bool:
    if node.op == "call_module":
        return isinstance(graph.get_submodule(str(node.target)), _NO_RULE_MODULES)
    return node.op in ("call_function", "call_method") and node.target in _NO_RULE_CALLS
