"""The layers of a network that a forward pass runs, and the weights that belong to none."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai.network.probe_images import probe_images
from causalxai.network.tracing import UntraceableError
from causalxai_interventional.dataflow import Dataflow


def parameter_modules(
    classifier: Classifier,
) -> tuple[dict[str, nn.Conv2d | nn.Linear], str]:
    """Return the convolution and linear layers that a forward pass calls, and the last one.

    Returns
    -------
    layers
        By name, in the order in which they first run.
    last
        The name of the one that runs last; empty if there is none.
    """
    classifier.require_layers()
    modules = {
        name: module
        for name, module in classifier.model.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }
    called: dict[str, nn.Conv2d | nn.Linear] = {}
    names = {module: name for name, module in modules.items()}
    last = ""

    def note(module: nn.Module, _args: object) -> None:
        nonlocal last
        last = names[module]  # type: ignore[index]
        called.setdefault(last, modules[last])

    handles = [module.register_forward_pre_hook(note) for module in names]
    try:
        classifier.logits(probe_images(classifier.image_shape)[:1])
    finally:
        for handle in handles:
            handle.remove()
    return called, last


def weights_outside(model: nn.Module, layers: Mapping[str, nn.Module]) -> tuple[str, ...]:
    """Return the names of weights of two or more dimensions that belong to none of some layers."""
    inside = {id(weight) for layer in layers.values() for weight in layer.parameters()}
    return tuple(
        name
        for name, weight in model.named_parameters()
        if weight.dim() > 1 and id(weight) not in inside
    )


def without_layers(model: nn.Module, *, linear: bool) -> CapabilityError:
    """Return the error that says why no layer (or no linear layer) was seen to run."""
    if linear and any(isinstance(module, nn.Conv2d) for module in model.modules()):
        return CapabilityError(
            "the network calls no linear layer (nn.Linear), whose units are neurons; the channels "
            "of its convolutions are the concepts of the granularity filter"
        )
    if any(isinstance(module, nn.Conv2d | nn.Linear) for module in model.modules()):
        return CapabilityError(
            "the network has convolution or linear layers, but none of them is seen to run: "
            "its forward() must call them as modules, not use their weights itself"
        )
    return CapabilityError(
        "the network has no convolution or linear layer (nn.Conv2d or nn.Linear)"
    )


def dataflow_with_heads(classifier: Classifier, known: Dataflow | None = None) -> Dataflow:
    """Return the operations of a network that has attention whose heads can be told.

    Parameters
    ----------
    classifier
        The classifier.
    known
        Operations that were found before, if any. They are used again if they still are those of
        this network, because it takes seconds to find them.

    Raises
    ------
    CapabilityError
        If the network's operations cannot be followed, or none of them is attention whose heads
        are one behind the other in what a linear layer reads.
    """
    classifier.require_layers()
    pictures = probe_images(classifier.image_shape).to(classifier.device)
    try:
        if known is not None and known.follows(classifier, pictures):
            flow = known
        else:
            flow = Dataflow(classifier, pictures)
    except UntraceableError as error:
        raise CapabilityError(
            "the heads of attention are found by the network's operations, which can't be "
            f"followed ({error}); use the granularity neuron, filter or slice"
        ) from error
    if not flow.heads:
        raise CapabilityError(
            "no attention is found whose heads can be told: there must be a linear layer (the "
            "output projection) that reads what softmax attention gives, one head behind the "
            "other; use the granularity neuron, filter or slice"
        )
    return flow
