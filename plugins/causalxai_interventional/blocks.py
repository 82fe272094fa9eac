"""How far a change of one channel stays in that channel, operation by operation.

A *block* is what one channel occupies on one axis of a tensor: one entry, or several neighbours
where a view put the pixels or heads of a channel on the same axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx

from causalxai.network.exported import ExportedNetwork

ELEMENTWISE = frozenset({
    "abs", "add", "addcmul", "alias", "alpha_dropout", "celu", "clamp", "clamp_max", "clamp_min",
    "clone", "contiguous", "cos", "detach", "div", "dropout", "elu", "eq", "erf", "exp", "expm1",
    "feature_dropout", "floor", "ge", "gelu", "gt", "hardsigmoid", "hardswish", "hardtanh", "le",
    "leaky_relu", "log", "log1p", "logical_and", "logical_not", "logical_or", "lt", "maximum",
    "minimum", "mish", "mul", "ne", "neg", "pow", "reciprocal", "relu", "relu6", "round", "rsqrt",
    "rsub", "selu", "sigmoid", "sign", "silu", "sin", "softplus", "softsign", "sqrt", "square",
    "sub", "tanh", "to", "where", "_prelu_kernel", "_to_copy",
})  # fmt: skip
"""Operations on entries of tensors, which broadcast their inputs."""

SPATIAL = frozenset({
    "adaptive_avg_pool2d", "avg_pool2d", "max_pool2d", "upsample_bicubic2d", "upsample_bilinear2d",
    "upsample_nearest2d",
})  # fmt: skip
"""Operations on each channel of images ``[n, c, h, w]``."""

RESHAPES = frozenset({"flatten", "reshape", "unflatten", "view", "_unsafe_view"})
_REDUCTIONS = frozenset({"amax", "amin", "logsumexp", "mean", "sum"})
SOFTMAX = frozenset({"log_softmax", "softmax", "_log_softmax", "_softmax"})
_PRIME = 1009
"""A number of images that no other size of a network is a multiple of, to tell them apart."""


@dataclass(frozen=True)
class Block:
    """Where one channel lies.

    Parameters
    ----------
    axis
        The axis.
    width
        Its entries on the axis: channel c has the entries ``c * width`` to ``(c + 1) * width``.
    offset
        The blocks that the last operation puts before the first one.
    merged
        The blocks of its input that the last operation makes one block of.
    """

    axis: int
    width: int = 1
    offset: int = 0
    merged: int = 1


def name_of(node: fx.Node) -> str:
    """Return the name of an ATen operation, such as ``relu``; empty for anything else."""
    target = node.target
    if isinstance(target, torch._ops.OpOverload) and target.namespace == "aten":
        return str(target.overloadpacket.__name__)
    return ""


def followed(
    network: ExportedNetwork, node: fx.Node, source: fx.Node, block: Block
) -> Block | None:
    """Return where a block of one of a node's inputs is in its output.

    ``None`` if the operation mixes channels, or is not known not to.
    """
    if not network.is_tensor(source) or not network.is_tensor(node):
        return None
    if block.axis == network.batch_axis(source) or network.batch_axis(node) != 0:
        return None
    block = replace(block, offset=0, merged=1)
    before, after = network.shape(source, _PRIME), network.shape(node, _PRIME)
    for names, rule in _RULES:
        if name_of(node) in names:
            return rule(node, source, block, before, after)
    return None


Shape = tuple[int, ...]
Rule = Callable[[fx.Node, fx.Node, Block, Shape, Shape], Block | None]


def _elementwise(
    _node: fx.Node, _source: fx.Node, block: Block, before: Shape, after: Shape
) -> Block | None:
    axis = block.axis + len(after) - len(before)
    return replace(block, axis=axis) if after[axis] == before[block.axis] else None


def _spatial(
    _node: fx.Node, _source: fx.Node, block: Block, before: Shape, _after: Shape
) -> Block | None:
    return block if len(before) == 4 and block.axis == 1 else None


def _padding(
    node: fx.Node, _source: fx.Node, block: Block, before: Shape, _after: Shape
) -> Block | None:
    padded = len(argument(node, 1)) // 2
    return block if block.axis < len(before) - padded else None


def _reduction(
    node: fx.Node, _source: fx.Node, block: Block, before: Shape, after: Shape
) -> Block | None:
    given = argument(node, 1, "dim")
    if not isinstance(given, int | Sequence) or given == []:
        return None
    over = {d % len(before) for d in ([given] if isinstance(given, int) else given)}
    if block.axis in over:
        return None
    gone = 0 if len(after) == len(before) else sum(d < block.axis for d in over)
    return replace(block, axis=block.axis - gone)


def _row_wise(
    node: fx.Node, _source: fx.Node, block: Block, before: Shape, _after: Shape
) -> Block | None:
    """Operations over some axes, on each row of the others alone."""
    match name_of(node):
        case "layer_norm" | "rms_norm":
            over = len(argument(node, 1))
            return block if block.axis < len(before) - over else None
        case "linear":
            return block if block.axis < len(before) - 1 else None
    over = int(argument(node, 1, "dim")) % len(before)
    return None if over == block.axis else block


def _attention(
    node: fx.Node, _source: fx.Node, block: Block, before: Shape, after: Shape
) -> Block | None:
    grouped = node.kwargs.get("enable_gqa", False)
    same = before[block.axis] == after[block.axis]
    return block if len(before) == 4 and block.axis == 1 and same and not grouped else None


def _permuted(
    node: fx.Node, _source: fx.Node, block: Block, before: Shape, _after: Shape
) -> Block | None:
    order = [*range(len(before))]
    if name_of(node) == "permute":
        order = [d % len(before) for d in argument(node, 1)]
    else:
        a, b = (int(d) % len(before) for d in (argument(node, 1), argument(node, 2)))
        order[a], order[b] = b, a
    return replace(block, axis=order.index(block.axis))


def _resized(
    node: fx.Node, _source: fx.Node, block: Block, before: Shape, after: Shape
) -> Block | None:
    """Operations that add, remove or shorten other axes."""
    at = int(argument(node, 1, "dim") or 0)
    match name_of(node):
        case "unsqueeze":
            return replace(block, axis=block.axis + (at % len(after) <= block.axis))
        case "squeeze" | "select":
            at %= len(before)
            if at == block.axis:
                return None
            gone = len(after) < len(before) and at < block.axis
            return replace(block, axis=block.axis - gone)
    return None if at % len(before) == block.axis else block


def _expanded(
    _node: fx.Node, _source: fx.Node, block: Block, before: Shape, after: Shape
) -> Block | None:
    same = len(before) == len(after) and before[block.axis] == after[block.axis]
    return block if same else None


def _reshaped(
    _node: fx.Node, _source: fx.Node, block: Block, before: Shape, after: Shape
) -> Block | None:
    """Find the axis that begins where the block's axis begins, by the sizes before it."""
    size, start = before[block.axis], math.prod(before[: block.axis])
    starts = [axis for axis in range(len(after)) if math.prod(after[:axis]) == start]
    axis = next((a for a in starts if after[a] > 1 or size == 1), None)
    if axis is None:
        return None
    if after[axis] % size == 0:
        # The axes behind were merged into the axis, if it is longer now.
        inner = after[axis] // size
        behind = [math.prod(before[block.axis + 1 : a]) for a in range(block.axis + 1, 9)]
        return Block(axis, block.width * inner) if inner in behind else None
    if size % after[axis] == 0:
        # The axis was split: each of its parts has some blocks, or each block some parts.
        part = size // after[axis]
        if block.width % part == 0:
            return Block(axis, block.width // part)
        if part % block.width == 0:
            return Block(axis, 1, merged=part // block.width)
    return None


def _joined(
    node: fx.Node, source: fx.Node, block: Block, before: Shape, _after: Shape
) -> Block | None:
    tensors = list(argument(node, 0))
    at = int(argument(node, 1, "dim") or 0) % len(before)
    if at != block.axis:
        return block
    position = tensors.index(source)
    earlier = sum(int(n.meta["val"].shape[at]) for n in tensors[:position])
    if tensors.count(source) > 1 or earlier % block.width:
        return None
    return replace(block, offset=earlier // block.width)


def _convolved(
    node: fx.Node, source: fx.Node, block: Block, before: Shape, after: Shape
) -> Block | None:
    """Depth-wise convolutions, each of whose filters reads one channel."""
    depthwise = argument(node, 6, "groups") == before[1] and node.args[0] is source
    if not depthwise or block.axis != 1 or block.width != 1:
        return None
    return Block(1, after[1] // before[1])


def argument(node: fx.Node, position: int, name: str = "") -> Any:
    """Return an argument that is given by position or by name; ``None`` if it is not given."""
    if len(node.args) > position:
        return node.args[position]
    return node.kwargs.get(name)


_RULES: tuple[tuple[frozenset[str], Rule], ...] = (
    (ELEMENTWISE, _elementwise),
    (SPATIAL, _spatial),
    (frozenset({"pad", "constant_pad_nd", "reflection_pad2d", "replication_pad2d"}), _padding),
    (_REDUCTIONS, _reduction),
    (SOFTMAX | {"layer_norm", "linear", "rms_norm"}, _row_wise),
    (frozenset({"scaled_dot_product_attention"}), _attention),
    (frozenset({"permute", "transpose"}), _permuted),
    (frozenset({"select", "slice", "squeeze", "unsqueeze"}), _resized),
    (frozenset({"expand"}), _expanded),
    (RESHAPES, _reshaped),
    (frozenset({"cat"}), _joined),
    (frozenset({"conv2d"}), _convolved),
)
