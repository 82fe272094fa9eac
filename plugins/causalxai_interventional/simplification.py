"""Exported networks in a form that is cheaper to compute again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from causalxai.network.exported import ExportedNetwork
from causalxai_interventional.blocks import argument, name_of
from causalxai_interventional.calls import WEIGHT, pair

aten = torch.ops.aten

_SAME = frozenset({"alias", "clone", "contiguous", "detach", "dropout", "feature_dropout"})
_PLACE = ("nn_module_stack", WEIGHT)
_PADS = frozenset({"constant_pad_nd", "pad"})
_VIEWS = frozenset({"view", "_unsafe_view"})
_PARTS = frozenset({"chunk", "split", "split_with_sizes", "unbind"})
_NORMS = frozenset({"batch_norm", "_native_batch_norm_legit_no_training"})


def simplify(network: ExportedNetwork) -> None:
    """Replace operations of an exported network by others that give the same, in place.

    - Batch normalisation becomes a part of the convolution before it, or a product and a sum.
    - Padding with zeros becomes a part of the convolution behind it.
    - What changes nothing in evaluation, such as dropout, is left out.
    - Views become reshapes, which do not depend on the layout in memory.
    - PReLU gets its weights in the shape of the channels.
    - Operations that give several tensors, such as queries, keys and values, become one each.
    """
    for node in network.nodes:
        name = name_of(node)
        if name in _SAME or (name == "slice" and _is_whole(node)):
            _replace(network, node, node.args[0])
        elif name in _VIEWS:
            node.target = aten.reshape.default
        elif name in _NORMS:
            _fold(network, node, name)
        elif name in _PADS:
            _fold_padding(network, node)
        elif name == "prelu":
            _spread_weights(network, node)
        elif name in _PARTS:
            _separate(network, node, name)
    network.refresh()


def _replace(network: ExportedNetwork, node: fx.Node, other: Any) -> None:
    """Let everything that reads a node read another one, and erase what nothing reads then."""
    node.replace_all_uses_with(other)
    if node is network.logits:
        network.logits = other
    unread = [node]
    while unread:
        last = unread.pop()
        if not last.users and last.op == "call_function":
            sources = last.all_input_nodes
            network.graph.erase_node(last)
            unread.extend(sources)


def _is_whole(node: fx.Node) -> bool:
    """Return whether a slice takes everything."""
    start, stop, step = (argument(node, i) for i in (2, 3, 4))
    return start in (None, 0) and stop in (None, torch.iinfo(torch.int64).max) and step in (None, 1)


def _fold(network: ExportedNetwork, node: fx.Node, name: str) -> None:
    """Replace a batch normalisation that uses its running statistics."""
    values, weight, bias, mean, variance = (argument(node, i) for i in range(5))
    if name == "batch_norm":
        training, result, epsilon = node.args[5], node, node.args[7]
    else:
        training, epsilon = False, node.args[6]
        users = list(node.users)
        if len(users) != 1 or users[0].args[1] != 0:
            return
        (result,) = users
    if training or mean is None or not isinstance(values, fx.Node):
        return
    if values.meta["val"].dtype not in (torch.float32, torch.float64):
        return

    def insert(operation: Any, *args: Any) -> Any:
        return network.insert(operation, args, {}, result)

    scale = insert(aten.rsqrt.default, insert(aten.add.Tensor, variance, epsilon))
    if weight is not None:
        scale = insert(aten.mul.Tensor, scale, weight)
    shift = insert(aten.neg.default, insert(aten.mul.Tensor, mean, scale))
    if bias is not None:
        shift = insert(aten.add.Tensor, shift, bias)
    if (
        name_of(values) == "conv2d"
        and len(values.users) == 1
        and argument(values, 1).op == "placeholder"
    ):
        folded = insert(aten.mul.Tensor, values.args[1], _column(insert, scale, 3))
        if len(values.args) > 2 and values.args[2] is not None:
            shift = insert(aten.add.Tensor, shift, insert(aten.mul.Tensor, values.args[2], scale))
        args = (values.args[0], folded, shift, *values.args[3:])
        new = network.insert(values.target, args, values.kwargs, result)
        new.meta |= {key: values.meta[key] for key in _PLACE if key in values.meta}
    else:
        extra = values.meta["val"].dim() - 2
        scaled = insert(aten.mul.Tensor, values, _column(insert, scale, extra))
        new = insert(aten.add.Tensor, scaled, _column(insert, shift, extra))
    _replace(network, result, new)


def _fold_padding(network: ExportedNetwork, node: fx.Node) -> None:
    """Let the convolutions that read padded images pad them, or leave out a padding by nothing."""
    source, sides = argument(node, 0), list(argument(node, 1))
    if not any(sides):
        _replace(network, node, source)
        return
    options = node.args[2:]
    plain = not node.kwargs and all(option in ("constant", None, 0) for option in options)
    if not plain or len(sides) != 4 or sides[0] != sides[1] or sides[2] != sides[3]:
        return
    if not all(_pads_itself(user, node) for user in node.users):
        return
    for user in list(node.users):
        (top, left), more = pair(argument(user, 4) or 0), (sides[2], sides[0])
        known = [*user.args, *[None, [1, 1], [0, 0], [1, 1], 1][len(user.args) - 2 :]]
        known[4] = [top + more[0], left + more[1]]
        user.args = tuple(known)
    _replace(network, node, source)


def _pads_itself(user: fx.Node, images: fx.Node) -> bool:
    """Return whether a node is a convolution of some images with padding in numbers."""
    reads = name_of(user) == "conv2d" and user.args[0] is images and not user.kwargs
    return reads and not isinstance(argument(user, 4), str)


def _column(insert: Callable[..., Any], values: fx.Node, extra: int) -> Any:
    """Return values ``[C]`` as ``[C, 1, ...]``."""
    return insert(aten.reshape.default, values, [-1, *[1] * extra]) if extra else values


def _spread_weights(network: ExportedNetwork, node: fx.Node) -> None:
    values, weight = node.args
    assert isinstance(values, fx.Node)
    shape = [1, -1, *[1] * (values.meta["val"].dim() - 2)]
    spread = network.insert(aten.reshape.default, (weight, shape), {}, node)
    new = network.insert(aten._prelu_kernel.default, (values, spread), {}, node)
    _replace(network, node, new)


def _separate(network: ExportedNetwork, node: fx.Node, name: str) -> None:
    """Replace an operation that divides a tensor along an axis by one for each part."""
    source, at = argument(node, 0), argument(node, 1 if name == "unbind" else 2, "dim") or 0
    axis = int(at) % source.meta["val"].dim()
    if axis == network.batch_axis(source):
        return
    ends = [0]
    for part in node.meta["val"]:
        ends.append(ends[-1] + (1 if name == "unbind" else int(part.shape[axis])))
    for user in list(node.users):
        number = int(user.args[1])  # type: ignore[arg-type]
        if name == "unbind":
            part = network.insert(aten.select.int, (source, axis, number), {}, user)
        else:
            args = (source, axis, ends[number], ends[number + 1])
            part = network.insert(aten.slice.Tensor, args, {}, user)
        _replace(network, user, part)
