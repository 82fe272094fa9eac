"""Operations on changed values: within a block, by a product of low rank, or on everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx

from causalxai.network.exported import called
from causalxai_interventional.blocks import ELEMENTWISE, RESHAPES, Block, argument, name_of
from causalxai_interventional.calls import affine_of
from causalxai_interventional.changes import Change, Unedited, Value, put
from causalxai_interventional.edits import Edits, output_change, output_change_by_row
from causalxai_interventional.products import (
    contiguous_matrices,
    convolved,
    grouped_product,
    of_blocks,
    patches,
    product_of,
)

aten = torch.ops.aten

_BROADCAST = frozenset({"cat", "scaled_dot_product_attention"}) | ELEMENTWISE
"""Operations in which other inputs have the block's axis as well."""

_IN_PLACE: Mapping[Any, Callable[..., Any]] = {
    aten.relu.default: aten.relu_.default,
    aten.hardtanh.default: aten.hardtanh_.default,
}

Values = Mapping[fx.Node, Value]


def edited(unedited: Unedited, node: fx.Node, edits: Edits, values: Values) -> Value:
    """Return a layer's output when its weights are edited (and its input, if it is changed)."""
    layer = affine_of(node, unedited.constants)
    (source,) = node.all_input_nodes[:1]
    axis, count = unedited.network.batch_axis(node), len(edits)
    if source in values or axis != 0:
        whole = on_everything(unedited, node, values, count, owned=False)
        read = values.get(source)
        inputs = unedited.repeated(source, count) if read is None else unedited.dense(source, read)
        inputs, outputs = (_by_edit(one, axis or 0, count) for one in (inputs, whole))
        change = output_change_by_row(layer, inputs, outputs, edits)
        rows = torch.arange(count, device=whole.device)
        position = layer.axis if layer.axis < 0 else layer.axis + 1
        outputs.movedim(position, 1)[rows, edits.channel] += change
        return whole
    output = unedited.values[node]
    change = output_change(layer, unedited.values[source], output, edits)
    before = output.movedim(layer.axis, 0)[edits.channel]
    changed = (before + change).flatten(0, 1).unsqueeze(layer.axis)
    return Change(edits.channel, changed, Block(layer.axis % output.dim()))


def _by_edit(value: Tensor, axis: int, edits: int) -> Tensor:
    """View a value for ``q * n`` images as ``[q, n, ...]``."""
    by_edit: Tensor = value.unflatten(axis, (edits, -1))
    return by_edit.movedim((axis, axis + 1), (0, 1))


def within_block(unedited: Unedited, node: fx.Node, values: Values, block: Block) -> Change:
    """Return the result of an operation that keeps each block by itself."""
    changes = {n: v for n in node.all_input_nodes if isinstance(v := values.get(n), Change)}
    source, change = next(iter(changes.items()))
    if block.merged > 1:
        change = _widened(unedited, source, change, block.merged)
    index = change.index + block.offset
    name, count = name_of(node), len(change.values)
    place = Block(block.axis, block.width)
    if name in RESHAPES or name == "expand":
        shape = list(unedited.network.shape(node, count))
        shape[block.axis] = block.width
        reshaped = change.values.expand if name == "expand" else change.values.reshape
        return Change(index, reshaped(shape), place)
    if name == "conv2d":
        return Change(index, _depthwise(unedited, node, change), place)
    rank = node.meta["val"].dim()

    def read(other: fx.Node) -> Any:
        if other in changes:
            return changes[other].values
        if not unedited.network.is_tensor(other):
            return unedited.network.number(other, count)
        if name in _BROADCAST:
            return unedited.blocks(other, place, index, rank)
        return unedited.constants[other]

    if name == "cat" and block.axis == _axis_of_cat(node, rank):
        return Change(index, change.values, place)
    return Change(index, called(node, read), place)


def _axis_of_cat(node: fx.Node, rank: int) -> int:
    return int(argument(node, 1, "dim") or 0) % rank


def _widened(unedited: Unedited, source: fx.Node, change: Change, times: int) -> Change:
    """Return a change as one of larger blocks, each of several of its blocks."""
    axis, width = change.block.axis, change.block.width
    place = Block(axis, width * times)
    index = change.index // times
    whole = unedited.blocks(source, place, index, change.values.dim()).clone()
    put(whole, change.index % times, change.values, axis, width)
    return Change(index, whole, place)


def _depthwise(unedited: Unedited, node: fx.Node, change: Change) -> Tensor:
    """Convolve each edit's channel with its own filters."""
    layer = affine_of(node, unedited.constants)
    edits, width = len(change.index), layer.weight.shape[0] // layer.groups
    weight = layer.weight.unflatten(0, (-1, width))[change.index].flatten(0, 1)
    bias = None
    if layer.bias is not None:
        bias = layer.bias.unflatten(0, (-1, width))[change.index].flatten()
    # The edits become channels: [q * n, 1, h, w] is transposed to [n, q, h, w], and back.
    images = change.values.unflatten(0, (edits, -1))[:, :, 0].transpose(0, 1)
    convolved = torch.conv2d(
        layer.padded(images), weight, bias, layer.stride, 0, layer.dilation, edits
    )
    by_edit: Tensor = convolved.unflatten(1, (edits, width))
    return by_edit.transpose(0, 1).flatten(0, 1)


def mixed(unedited: Unedited, node: fx.Node, values: Values) -> Tensor:
    """Return the output of a layer that mixes channels, of which each edit changes one block.

    The output changes by a product of the block's change and the block's weights.
    """
    source = node.args[0]
    assert isinstance(source, fx.Node)
    change = values[source]
    assert isinstance(change, Change)
    layer, width = affine_of(node, unedited.constants), change.block.width
    difference, base = unedited.difference(source, change), unedited.values[node]
    edits, weight = len(change.index), contiguous_matrices(node, unedited.constants)
    if layer.convolves:
        base = base.movedim(1, -1)
        difference = patches(layer, difference, base.shape[1:3])
    per_edit = difference.reshape(edits, -1, len(weight) * width)
    if per_edit.shape[2] == 1:
        columns = of_blocks(weight, change.index, width)
        whole = torch.addcmul(base.reshape(1, -1, base.shape[-1]), per_edit, columns)
    else:
        whole = grouped_product(per_edit, change.index, weight, width)
        whole += base.reshape(1, -1, base.shape[-1])
    whole = whole.reshape(edits * base.shape[0], *base.shape[1:])
    return whole.movedim(-1, 1) if layer.convolves else whole


def on_everything(
    unedited: Unedited, node: fx.Node, values: Values, edits: int, *, owned: bool
) -> Tensor:
    """Return the result of an operation for ``q * n`` images.

    Parameters
    ----------
    owned
        Whether the operation may overwrite its input, because nothing else reads it.
    """
    if name_of(node) in ELEMENTWISE and unedited.network.batch_axis(node) == 0:
        return _elementwise(unedited, node, values, edits, owned=owned)

    def read(other: fx.Node) -> Any:
        if other in values:
            return unedited.dense(other, values[other])
        return unedited.repeated(other, edits)

    if product_of(unedited.network, node) is not None:
        return convolved(unedited.network, node, read(argument(node, 0)), unedited.constants)
    result: Tensor = called(node, read)
    return result


def _elementwise(
    unedited: Unedited, node: fx.Node, values: Values, edits: int, *, owned: bool
) -> Tensor:
    """Return the result of an operation on entries; unchanged inputs are not repeated for it."""
    network, rank = unedited.network, node.meta["val"].dim()
    sums = name_of(node) == "add" and not node.kwargs
    later: list[tuple[fx.Node, Change]] = []

    def read(other: fx.Node) -> Any:
        value = values.get(other)
        if value is None:
            if network.is_tensor(other) and network.batch_axis(other) == 0:
                known: Tensor = unedited.values[other]
                if known.dim() == rank:
                    return known[None]
            return unedited.repeated(other, edits)
        if sums and isinstance(value, Change) and _has_axis(node, other, value.block.axis):
            # The block's change is added to the sum.
            later.append((other, value))
            return unedited.values[other][None]
        dense = unedited.dense(other, value)
        return dense.unflatten(0, (edits, -1)) if dense.dim() == rank else dense

    by_edit: Tensor = called(node, read, _IN_PLACE.get(node.target) if owned else None)
    if len(by_edit) != edits:
        by_edit = by_edit.expand(edits, *by_edit.shape[1:])
    whole = by_edit.flatten(0, 1)
    for other, value in later:
        difference = unedited.difference(other, value)
        put(whole, value.index, difference, value.block.axis, value.block.width, add=True)
    return whole


def _has_axis(node: fx.Node, source: fx.Node, axis: int) -> bool:
    """Return whether an input has an axis of the output in the same place and size."""
    before, after = source.meta["val"].shape, node.meta["val"].shape
    return len(before) == len(after) and bool(before[axis] == after[axis])
