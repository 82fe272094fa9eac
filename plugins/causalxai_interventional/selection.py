"""Selections of single rows, moved before the operations whose other rows nobody reads.

A vision transformer reads one token behind its last block: the operations on all other tokens,
back to the last attention, need not be computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from causalxai.network.exported import ExportedNetwork
from causalxai_interventional.blocks import ELEMENTWISE, RESHAPES, argument, name_of
from causalxai_interventional.calls import WEIGHT

aten = torch.ops.aten

_PRIME = 1009

Row = tuple[int, int]
"""An axis, and the entry on it that is read."""


def move_selections(network: ExportedNetwork) -> None:
    """Let operations whose output is read in one row only compute that row alone, in place."""
    _Selections(network).move()


class _Selections:
    """The rows of each operation's output that are read, from the last operation to the first."""

    def __init__(self, network: ExportedNetwork) -> None:
        self.network = network
        self.rows: dict[fx.Node, Row] = {}
        self.short: dict[fx.Node, fx.Node] = {}

    def move(self) -> None:
        for node in reversed(self.network.nodes):
            if node in self.network.by_image and node is not self.network.images:
                self._find_row(node)
        for node in self.network.nodes:
            if node in self.rows:
                self._shorten(node)
        for node in list(self.network.nodes):
            source = node.args[0] if node.args else None
            if isinstance(source, fx.Node) and source in self.short and name_of(node) == "select":
                node.update_arg(0, self.short[source])
                node.update_arg(2, 0)

    def _find_row(self, node: fx.Node) -> None:
        """Note the row of an operation's output, if all that read it read the same row alone."""
        found = {self._read_by(user, node) for user in node.users}
        if node is self.network.logits or len(found) != 1 or not self.network.is_tensor(node):
            return
        row = found.pop()
        if row is None or row[0] == self.network.batch_axis(node):
            return
        if self._sources(node, row) is not None:
            self.rows[node] = row

    def _read_by(self, user: fx.Node, node: fx.Node) -> Row | None:
        if name_of(user) == "select" and user.args[0] is node:
            rank = node.meta["val"].dim()
            return argument(user, 1) % rank, argument(user, 2)
        if user not in self.rows:
            return None
        sources = self._sources(user, self.rows[user])
        return None if sources is None else sources.get(node)

    def _sources(self, node: fx.Node, row: Row) -> Mapping[fx.Node, Row | None] | None:
        """Return the rows of its inputs that an operation needs for one row of its output.

        ``None`` if the rows are not computed one by one; for a single input, if it is read whole.
        """
        axis, entry = row
        rank, shape = node.meta["val"].dim(), self.network.shape(node, _PRIME)
        if name_of(node) in ELEMENTWISE:
            found: dict[fx.Node, Row | None] = {}
            for read in self._tensors(node):
                at = axis - rank + read.meta["val"].dim()
                whole = at < 0 or self.network.shape(read, _PRIME)[at] == 1
                found[read] = None if whole else (at, entry)
            return found
        if name_of(node) == "scaled_dot_product_attention":
            return self._of_attention(node, entry) if rank == 4 and axis == 2 else None
        source = argument(node, 0)
        if not isinstance(source, fx.Node) or not self.network.is_tensor(source):
            return None
        before = self.network.shape(source, _PRIME)
        axis_before = _axis_before(node, axis, shape, before)
        if axis_before is None or before[axis_before] != shape[axis]:
            return None
        return {n: (axis_before, entry) if n is source else None for n in self._tensors(node)}

    def _tensors(self, node: fx.Node) -> list[fx.Node]:
        return [n for n in node.all_input_nodes if self.network.is_tensor(n)]

    def _of_attention(self, node: fx.Node, entry: int) -> Mapping[fx.Node, Row | None] | None:
        """Return what is needed for one query: its own row, and all keys and values."""
        query, key, value = (argument(node, i) for i in range(3))
        mask = argument(node, 3, "attn_mask")
        causal = argument(node, 5, "is_causal")
        if causal or query in (key, value):
            return None
        found: dict[fx.Node, Row | None] = {key: None, value: None, query: (2, entry)}
        if isinstance(mask, fx.Node):
            sizes = self.network.shape(mask, _PRIME)
            at = len(sizes) - 2
            found[mask] = None if at < 0 or sizes[at] == 1 else (at, entry)
        return found

    def _shorten(self, node: fx.Node) -> None:
        """Insert an operation behind a node that computes its one row."""
        sources = self._sources(node, self.rows[node])
        assert sources is not None
        axis = self.rows[node][0]
        inputs: dict[fx.Node, Any] = {}
        for source, row in sources.items():
            if row is None:
                inputs[source] = source
            elif source in self.short:
                inputs[source] = self.short[source]
            else:
                one = (source, row[0], row[1], row[1] + 1)
                inputs[source] = self.network.insert(aten.slice.Tensor, one, {}, node)
        args: Any = fx.node.map_arg(node.args, lambda n: inputs.get(n, n))
        kwargs: Any = fx.node.map_arg(node.kwargs, lambda n: inputs.get(n, n))
        target: Any = node.target
        if name_of(node) in RESHAPES:
            sizes: list[Any] = [*node.meta["val"].shape]
            sizes[axis] = 1
            batch = self.network.batch_axis(node)
            if batch is not None:
                sizes[batch] = -1
            target, args, kwargs = aten.reshape.default, (args[0], sizes), {}
        short = self.network.insert(target, args, kwargs, node)
        if WEIGHT in node.meta:
            short.meta[WEIGHT] = node.meta[WEIGHT]
        self.short[node] = short


def _axis_before(
    node: fx.Node, axis: int, shape: tuple[int, ...], before: tuple[int, ...]
) -> int | None:
    """Return the axis of an operation's input on which the rows of its output lie."""
    rank = len(shape)
    match name_of(node):
        case "linear":
            return axis if axis < rank - 1 else None
        case "layer_norm":
            return axis if axis < rank - len(argument(node, 1)) else None
        case "permute":
            return int(argument(node, 1)[axis]) % rank
        case "transpose":
            one, other = (int(argument(node, i)) % rank for i in (1, 2))
            return {one: other, other: one}.get(axis, axis)
        case name if name in RESHAPES:
            start = math.prod(shape[:axis])
            same = [a for a, size in enumerate(before) if size == shape[axis]]
            return next((a for a in same if math.prod(before[:a]) == start), None)
    return None
