"""The heads of attention, as a network's operations tell them.

Attention computes its heads side by side on an axis of their own, and puts them one behind the
other on the last axis before a linear layer, the output projection, reads them. A head's part of
that layer's input is therefore known without knowing how the network's code is written.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import fx, nn

from causalxai.network.exported import ExportedNetwork
from causalxai_interventional.blocks import ELEMENTWISE, RESHAPES, SOFTMAX, argument, name_of
from causalxai_interventional.calls import WEIGHT

_PRIME = 1009
_PRODUCTS = frozenset({"bmm", "matmul"})
_MOVES = frozenset({"permute", "transpose"})
_KEEP_SOFTMAX = ELEMENTWISE | RESHAPES | _MOVES | {"expand", "slice"}


@dataclass(frozen=True)
class AttentionHeads:
    """The heads that one output projection reads.

    Parameters
    ----------
    count
        The number of heads; each has as many neighbouring entries of the projection's input.
    outputs
        For each call of the projection, the operation in whose output each head is one entry of
        ``axis``; empty if there is no such operation that nothing else reads.
    axis
        The axis of heads.
    """

    count: int
    outputs: tuple[fx.Node, ...] = ()
    axis: int = 0


def attention_heads(network: ExportedNetwork, model: nn.Module) -> dict[str, AttentionHeads]:
    """Return the heads that a network's output projections read.

    Parameters
    ----------
    network
        The network's operations, with the weights of calls marked.
    model
        The network.

    Returns
    -------
    dict
        By the name of the output projection, in the order of their first calls. Linear layers that
        also read something else than heads are left out.
    """
    found: dict[str, list[AttentionHeads | None]] = {}
    for node in network.nodes:
        if WEIGHT in node.meta and name_of(node) == "linear":
            layer = _layer_of(network, model, node)
            if layer is not None:
                found.setdefault(layer, []).append(_heads_of(network, node))
    joined = {layer: _joined(heads) for layer, heads in found.items()}
    return {layer: heads for layer, heads in joined.items() if heads is not None}


def _layer_of(network: ExportedNetwork, model: nn.Module, call: fx.Node) -> str | None:
    """Return the name of the linear layer whose weight a call uses, if it is the only one."""
    weight = model.get_parameter(call.meta[WEIGHT])
    modules = dict(model.named_modules())
    names = [n for n, m in modules.items() if isinstance(m, nn.Linear) and m.weight is weight]
    if len(names) != 1:
        return None
    place, layer = network.modules(call), modules[names[0]]
    # torch's own attention uses the weight of its projection without calling the projection.
    fused = (m for m in place if isinstance(m, nn.MultiheadAttention))
    return names[0] if layer in place or any(m.out_proj is layer for m in fused) else None


def _joined(calls: list[AttentionHeads | None]) -> AttentionHeads | None:
    """Return the heads that all calls of one layer read."""
    known = [heads for heads in calls if heads is not None]
    if len(known) < len(calls) or len({heads.count for heads in known}) != 1:
        return None
    count, axes = known[0].count, {heads.axis for heads in known}
    if len(axes) > 1 or not all(heads.outputs for heads in known):
        return AttentionHeads(count)
    return AttentionHeads(count, tuple(n for heads in known for n in heads.outputs), axes.pop())


def _heads_of(network: ExportedNetwork, call: fx.Node) -> AttentionHeads | None:
    """Return the heads that a linear call reads one behind the other; ``None`` if it does not."""
    joined = argument(call, 0)
    if name_of(joined) not in RESHAPES:
        return None
    node, features = argument(joined, 0), network.shape(joined, _PRIME)[-1]
    shape = network.shape(node, _PRIME)
    if len(shape) < 3 or features % shape[-1] or shape[-2] % (features // shape[-1]):
        return None
    found, axis, alone = AttentionHeads(features // shape[-1]), len(shape) - 2, True
    # Back to the product of the attention weights and the values.
    behind = joined
    while True:
        alone = alone and len(behind.users) == 1
        if alone and not found.outputs and _has_heads(network, node, axis, found.count):
            found = AttentionHeads(found.count, (node,), axis)
        if _is_attention(node):
            return found if axis < node.meta["val"].dim() - 2 else None
        before = _axis_before(network, node, axis)
        if before is None:
            return None
        behind, node, axis = node, argument(node, 0), before


def _has_heads(network: ExportedNetwork, node: fx.Node, axis: int, count: int) -> bool:
    """Return whether an operation's output has one entry for each head on an axis of its own."""
    shape = network.shape(node, _PRIME)
    return (
        network.batch_axis(node) == 0 and axis > 0 and shape[axis] == count and len(node.users) == 1
    )


def _axis_before(network: ExportedNetwork, node: fx.Node, axis: int) -> int | None:
    """Return the axis of heads in an operation's input, if the last axis stays as it is."""
    if not isinstance(source := argument(node, 0), fx.Node) or not network.is_tensor(source):
        return None
    before, after = network.shape(source, _PRIME), network.shape(node, _PRIME)
    last = len(after) - 1
    match name_of(node):
        case "permute":
            order = [d % len(before) for d in argument(node, 1)]
            return order[axis] if order[last] == last else None
        case "transpose":
            a, b = (int(argument(node, i)) % len(before) for i in (1, 2))
            return None if last in (a, b) else {a: b, b: a}.get(axis, axis)
        case "slice":
            return None if int(argument(node, 1) or 0) % len(before) in (axis, last) else axis
        case name if name in RESHAPES:
            if before == after:
                return axis
            # The axes before the tokens were one axis, in the product of matrices itself.
            whole = argument(source, 0) if name_of(source) == "slice" else source
            one = before[-2:] == after[-2:] and axis < last - 1 and _is_attention(whole)
            return 0 if one else None
    return None


def _is_attention(node: fx.Node) -> bool:
    """Return whether an operation weighs values by attention weights."""
    if name_of(node) == "scaled_dot_product_attention":
        return True
    if name_of(node) not in _PRODUCTS:
        return False
    weights = argument(node, 0)
    while name_of(weights) in _KEEP_SOFTMAX:
        weights = argument(weights, 0)
        if not isinstance(weights, fx.Node):
            return False
    return name_of(weights) in SOFTMAX
