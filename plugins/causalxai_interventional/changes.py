"""The values of a network's operations under many edits, as changes of the unedited values.

The value of an operation under ``q`` edits of ``n`` images is unchanged, or a ``Change`` in one
block of one axis, or *dense*: the tensor that the operation gives for ``q * n`` images, edit by
edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from causalxai.network.exported import ExportedNetwork, called
from causalxai_interventional.blocks import Block
from causalxai_interventional.kept_constants import KeptConstants


@dataclass(frozen=True)
class Change:
    """A change of one block by each edit.

    Parameters
    ----------
    index
        ``[q]``, the number of the block that changes; in ascending order.
    values
        What the block holds instead: shaped as the operation's value for ``q * n`` images, with
        ``block.width`` entries on the block's axis.
    block
        Where blocks lie.
    """

    index: Tensor
    values: Tensor
    block: Block


Value = Change | Tensor


@dataclass(frozen=True)
class Unedited:
    """What is known of the network without edits.

    Parameters
    ----------
    network
        The network.
    constants
        Values that do not depend on the images.
    values
        Values for the ``n`` images.
    images
        The number ``n`` of images.
    """

    network: ExportedNetwork
    constants: KeptConstants
    values: Mapping[fx.Node, Any]
    images: int

    def repeated(self, node: fx.Node, edits: int) -> Any:
        """Return an unedited value as if the images were repeated for each edit."""
        network = self.network
        if not network.is_tensor(node):
            if isinstance(node.meta.get("val"), torch.SymInt | int):
                return network.number(node, edits * self.images)
            return called(node, lambda n: self.repeated(n, edits))
        if node not in network.by_image:
            return self.constants[node]
        axis = network.batch_axis(node)
        if axis is None:
            # Images share an axis with something else, which the operation itself knows.
            return called(node, lambda n: self.repeated(n, edits))
        return repeat(self.values[node], edits, axis)

    def blocks(self, node: fx.Node, block: Block, index: Tensor, rank: int) -> Tensor:
        """Return for each edit a block of an unedited value, for ``q * n`` images.

        Parameters
        ----------
        block
            Where blocks lie in a tensor of ``rank`` axes to which the value is broadcast. A value
            without such blocks is repeated.
        """
        by_image = node in self.network.by_image
        value: Tensor = self.values[node] if by_image else self.constants[node]
        if value.dim() == 0:
            return value
        value = value[(None,) * (rank - value.dim())]
        if value.shape[block.axis] == 1:
            return repeat(value, len(index), 0) if by_image else value
        blocks = value.unflatten(block.axis, (-1, block.width)).movedim(block.axis, 0)
        chosen: Tensor = blocks[index]
        return chosen.expand(-1, self.images, *[-1] * (rank - 1)).flatten(0, 1)

    def dense(self, node: fx.Node, change: Value) -> Tensor:
        """Return a change with all that it leaves unchanged."""
        if isinstance(change, Tensor):
            return change
        whole = repeat(self.values[node], len(change.index), 0)
        block = change.block
        put(whole, change.index, change.values, block.axis, block.width)
        return whole

    def difference(self, node: fx.Node, change: Change) -> Tensor:
        """Return how far a change is from the unedited value, shaped as its ``values``."""
        before = self.blocks(node, change.block, change.index, change.values.dim())
        return change.values - before


def repeat(value: Tensor, times: int, axis: int) -> Tensor:
    """Repeat a tensor along an axis, the copies one after the other, in the same memory format."""
    shape = list(value.shape)
    shape[axis] *= times
    whole = torch.empty(
        shape, dtype=value.dtype, device=value.device, memory_format=memory_format(value)
    )
    whole.unflatten(axis, (times, -1)).copy_(value.unsqueeze(axis))
    return whole


def memory_format(value: Tensor) -> torch.memory_format:
    """Return whether an image's channels are last in memory."""
    last = value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def put(
    whole: Tensor, index: Tensor, values: Tensor, axis: int, width: int, *, add: bool = False
) -> None:
    """Write (or add) each edit's block into the values for ``q * n`` images, in place."""
    edits = len(index)
    rows = torch.arange(edits, device=whole.device)
    blocks = whole.unflatten(axis, (-1, width)).unflatten(0, (edits, -1)).movedim(axis + 1, 1)
    values = values.unflatten(0, (edits, -1))
    if add:
        blocks[rows, index] += values
    else:
        blocks[rows, index] = values


def rows_of(value: Value, rows: slice, edits: int, axis: int | None) -> Value:
    """Return the values of some edits."""
    if isinstance(value, Change):
        per_edit = len(value.values) // edits
        some = value.values[rows.start * per_edit : rows.stop * per_edit]
        return Change(value.index[rows], some, value.block)
    assert axis is not None
    per_edit = value.shape[axis] // edits
    return value.narrow(axis, rows.start * per_edit, (rows.stop - rows.start) * per_edit)


def joined(values: list[Value], axis: int | None) -> Value:
    """Return the values of edits that were computed part by part."""
    first = values[0]
    if len(values) == 1:
        return first
    if isinstance(first, Change):
        changes = [value for value in values if isinstance(value, Change)]
        index = torch.cat([change.index for change in changes])
        return Change(index, torch.cat([change.values for change in changes]), first.block)
    assert axis is not None
    return torch.cat([value for value in values if isinstance(value, Tensor)], dim=axis)
