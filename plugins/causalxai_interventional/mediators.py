"""Attribution maps: the responses of a prediction's mediators in the image."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from causalxai.concept import Units
from causalxai_interventional.geometry import place, stride_of
from causalxai_interventional.mechanisms import Mechanisms
from causalxai_interventional.parameter_oracle import ParameterOracle


def convolutions(oracle: ParameterOracle) -> tuple[str, ...]:
    """Return the names of the tested convolution layers, in the order of their last runs."""
    tested = {layer.name for layer in oracle.space.layers}
    return tuple(name for name in oracle.classifier.layers(nn.Conv2d) if name in tested)


@torch.no_grad()
def mediator_maps(
    oracle: ParameterOracle, units: Units, found: Mechanisms, layers: Sequence[str]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return two maps for each layer, for the first class for which each image was explained.

    The *plain* map is the paper's (section 3.3): the mean response of the mediators, without
    channels that are not causal. It hardly depends on the class. The *effect-weighted* map weights
    each mediator by its contribution to the class's logit.

    Returns
    -------
    dict
        For each layer a pair (plain, effect-weighted), each ``[n, h, w]`` at the image's size.
    """
    height, width = units.residual["inputs"].shape[2:]
    maps = {}
    for layer in layers:
        response, stride = responses(oracle, units.residual["inputs"], layer)
        # Maps are float32 even where the network computes in another type, such as bfloat16.
        response = response.float()
        mechanisms = found.layers[layer]
        causal = mechanisms.mediators[:, 0].to(response.dtype)
        weight = causal * mechanisms.mediator_effect[:, 0]
        plain = _weighted_sum(response, causal / causal.sum(dim=1, keepdim=True).clamp(min=1))
        weighted = _weighted_sum(response, weight)
        size = (height, width)
        maps[layer] = (place(plain, size, stride), place(weighted, size, stride))
    return maps


def untraced_layers(oracle: ParameterOracle, layers: Sequence[str]) -> list[str]:
    """Return the layers whose maps show their own output, not what the layers behind read."""
    flow = oracle.dataflow
    return [name for name in layers if flow is None or flow.mediator(name) is None]


def integrate(maps: Collection[Tensor]) -> Tensor:
    """Return the mean of several layers' maps ``[n, h, w]``, each scaled to a peak of 1."""
    peaks = [heat.abs().amax(dim=(1, 2), keepdim=True) for heat in maps]
    scaled = [heat / peak.clamp(min=1e-12) for heat, peak in zip(maps, peaks, strict=True)]
    return torch.stack(scaled).mean(dim=0)


def responses(
    oracle: ParameterOracle, inputs: Tensor, layer: str
) -> tuple[Tensor, tuple[int, int] | None]:
    """Return the channels as the layers behind read them, ``[n, C, h, w]``, and their stride.

    Those of a linear layer are ``[n, C]``, or have the channels last.

    Without a traced data flow, they are the layer's own output in its last run.
    """
    flow = oracle.dataflow
    node = None if flow is None else flow.mediator(layer)
    if flow is not None and node is not None and flow.gives_the_logits(inputs):
        return flow.capture(inputs, {node})[node], stride_of(flow, node)
    outputs: list[Tensor] = []
    module = oracle.classifier.model.get_submodule(layer)
    # A copy, because the network may change the output in place afterwards.
    handle = module.register_forward_hook(lambda _m, _a, output: outputs.append(output.clone()))
    try:
        oracle.classifier.model(inputs)
    finally:
        handle.remove()
    return outputs[-1], None


def _weighted_sum(response: Tensor, weight: Tensor) -> Tensor:
    return torch.einsum("nchw,nc->nhw", response, weight)
