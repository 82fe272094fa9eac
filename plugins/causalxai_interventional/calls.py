"""The calls of convolutions and linear layers in an exported network."""

from __future__ import annotations

from typing import Any

from torch import fx, nn

from causalxai.network.exported import Constants, ExportedNetwork
from causalxai_interventional.blocks import argument, name_of
from causalxai_interventional.edits import Affine, pads

WEIGHT = "causalxai_interventional.weight"
"""The key under which a call keeps the name of the parameter that is its weight."""


def mark_weights(network: ExportedNetwork) -> None:
    """Note the weight of each call, before a simplification makes others of the weights.

    A parameter that is used in any other way is noted of none: its edits do not only change
    outputs of calls.
    """
    for node in network.nodes:
        name = network.parameter(node)
        if name is None:
            continue
        users = [user for user in node.users if user in network.by_image]
        if len(users) == len(node.users) and all(_is_weight(node, user) for user in users):
            for user in users:
                user.meta[WEIGHT] = name


def _is_weight(weight: fx.Node, call: fx.Node) -> bool:
    is_call = name_of(call) in ("conv2d", "linear")
    return is_call and call.args[1] is weight and call.all_input_nodes.count(weight) == 1


def calls_of(network: ExportedNetwork, model: nn.Module, layer: str) -> tuple[fx.Node, ...]:
    """Return the calls in which a layer's weight is used, in order.

    Empty if its weight, or another layer's weight that is the same tensor, is used in other ways.
    """
    module = model.get_submodule(layer)
    same = [
        node
        for node in network.nodes
        if WEIGHT in node.meta and model.get_parameter(node.meta[WEIGHT]) is module.weight
    ]
    places = {node: network.modules(node) for node in same}
    if not all(
        any(isinstance(m, nn.Conv2d | nn.Linear) for m in place) for place in places.values()
    ):
        return ()
    return tuple(node for node, place in places.items() if module in place)


def affine_of(node: fx.Node, constants: Constants) -> Affine:
    """Return what a call of a convolution or linear layer computes."""
    given = argument(node, 2, "bias")
    bias = None if given is None else constants[given]
    weight = constants[argument(node, 1)]
    if name_of(node) == "linear":
        return Affine(weight, bias)
    padding = argument(node, 4, "padding") or (0, 0)
    dilation = pair(argument(node, 5, "dilation") or 1)
    return Affine(
        weight,
        bias,
        pads(padding if isinstance(padding, str) else pair(padding), weight.shape[2:], dilation),
        stride=pair(argument(node, 3, "stride") or 1),
        dilation=dilation,
        groups=groups_of(node),
    )


def groups_of(node: fx.Node) -> int:
    """Return the groups of a convolution."""
    return int(argument(node, 6, "groups") or 1)


def pair(value: Any) -> tuple[int, int]:
    """Return a size of two axes that may be given as one number."""
    sizes = (value,) if isinstance(value, int) else tuple(value)
    return (sizes[0], sizes[-1])
