"""What is computed for edits of one layer: in which form, and for how many edits at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import fx

from causalxai.network.exported import ExportedNetwork
from causalxai_interventional.blocks import Block, argument, followed, name_of
from causalxai_interventional.calls import groups_of
from causalxai_interventional.products import product_of

_OWNED = frozenset({"add", "conv2d", "linear", "mul", "sub"})
"""Operations whose result is a tensor of its own, not a view."""


@dataclass(frozen=True)
class Step:
    """An operation behind an edit.

    Parameters
    ----------
    node
        The operation.
    block
        Where a change lies in its output, if it changes one block only.
    mixes
        Whether it is a layer whose input changes in one block, and its output everywhere.
    owned
        Whether it may overwrite its changed input.
    floats
        The number of values that it reads and makes for one edit of one image.
    """

    node: fx.Node
    block: Block | None
    mixes: bool
    owned: bool
    floats: int


@dataclass(frozen=True)
class Segment:
    """Steps that are done for as many edits at once.

    Parameters
    ----------
    steps
        The steps, in order.
    results
        The operations whose changed values later segments read.
    floats
        The largest number of values that a step reads and makes for one edit of one image.
    kept
        The number of values of all ``results`` for one edit of one image.
    """

    steps: tuple[Step, ...]
    results: tuple[fx.Node, ...]
    floats: int
    kept: int


@dataclass(frozen=True)
class Plan:
    """All that is computed for edits of one layer.

    Parameters
    ----------
    calls
        The operations whose weights are edited, or of whose output heads are edited.
    segments
        What is computed, in order; empty if no logit depends on the layer.
    read
        The operations whose unedited values are read.
    axis
        The axis of heads in the output of ``calls``; ``None`` where weights are edited.
    """

    calls: tuple[fx.Node, ...]
    segments: tuple[Segment, ...]
    read: frozenset[fx.Node]
    axis: int | None = None


def plan_of(network: ExportedNetwork, calls: Sequence[fx.Node], axis: int | None = None) -> Plan:
    """Plan what is computed when the weights of some calls are edited.

    Parameters
    ----------
    network
        The operations.
    calls
        The calls of one layer; or the operations in whose output each head is one entry.
    axis
        The axis of heads in the output of ``calls``, if these are edited.
    """
    behind: dict[fx.Node, None] = {}
    for node in network.nodes:
        if node in calls or any(n in behind for n in node.all_input_nodes):
            behind[node] = None
    forms = _Forms(network, axis)
    steps = [forms.step(node, calls, behind) for node in behind]
    segments = tuple(_segments(network, steps, forms))
    return Plan(tuple(calls), segments, _read(network, segments, forms, calls), axis)


def _read(
    network: ExportedNetwork,
    segments: Sequence[Segment],
    forms: _Forms,
    calls: Sequence[fx.Node],
) -> frozenset[fx.Node]:
    """Return the operations whose unedited values are read.

    What is computed as a whole needs no unedited value of an input that was computed as a whole
    itself. Where this holds up to the logits, the unedited network is run no further than the edit.
    """
    whole = {node for node, block in forms.blocks.items() if block is None}
    read: set[fx.Node] = set()
    for step in (step for segment in segments for step in segment.steps):
        if step.block is not None or step.mixes or step.node in calls:
            read |= {step.node, *step.node.all_input_nodes}
        else:
            read |= set(step.node.all_input_nodes) - whole
    if network.logits not in forms.blocks:
        read.add(network.logits)
    known: set[fx.Node] = set()
    pending = [node for node in read if node in network.by_image]
    while pending:
        node = pending.pop()
        if isinstance(node.meta.get("val"), torch.SymInt | int):
            continue  # Numbers follow from the number of images.
        known.add(node)
        if not network.is_tensor(node) or network.batch_axis(node) is None:
            # Images share an axis with something else: it is computed anew from what it reads.
            pending += [n for n in node.all_input_nodes if n in network.by_image]
    return frozenset(known)


class _Forms:
    """The blocks in which the values behind an edit change."""

    def __init__(self, network: ExportedNetwork, axis: int | None) -> None:
        self.network, self.axis = network, axis
        self.blocks: dict[fx.Node, Block | None] = {}
        # How the numbers of blocks were counted anew on the way to each operation.
        self._counts: dict[fx.Node, tuple[tuple[int, int], ...]] = {}

    def step(self, node: fx.Node, calls: Sequence[fx.Node], behind: Iterable[fx.Node]) -> Step:
        changed = [n for n in node.all_input_nodes if n in behind]
        mixes = False
        if node in calls and not changed and self.network.batch_axis(node) == 0:
            channels = 1 if name_of(node) == "conv2d" else node.meta["val"].dim() - 1
            block: Block | None = Block(channels if self.axis is None else self.axis)
            self._counts[node] = ()
        else:
            block = None if node in calls else self._block(node, changed)
            mixes = block is None and node not in calls and self._mixes(node, changed)
        self.blocks[node] = block
        owned = block is None and not mixes and len(changed) == 1 and self._is_owned(changed[0])
        return Step(node, block, mixes, owned, self._floats(node, changed, mixes))

    def size(self, node: fx.Node) -> int:
        """Return the number of values that one edit changes in one image."""
        if not self.network.is_tensor(node):
            return 0
        shape = self.network.shape(node, 1)
        block = self.blocks.get(node)
        if block is not None:
            shape = (*shape[: block.axis], block.width, *shape[block.axis + 1 :])
        return math.prod(shape)

    def _block(self, node: fx.Node, changed: Sequence[fx.Node]) -> Block | None:
        found = set()
        for source in changed:
            before = self.blocks[source]
            after = None if before is None else followed(self.network, node, source, before)
            if before is None or after is None:
                return None
            count = self._counts[source]
            if after.offset or after.merged > 1:
                count = (*count, (after.offset, after.merged))
            found.add((after, count))
        others = [
            n for n in node.all_input_nodes if n in self.network.by_image and n not in changed
        ]
        if len(found) != 1 or not all(self._has_rows(n) for n in others):
            return None
        ((block, self._counts[node]),) = found
        return block

    def _has_rows(self, node: fx.Node) -> bool:
        """Return whether a value, if it is a tensor, has a row for each image."""
        return not self.network.is_tensor(node) or self.network.batch_axis(node) == 0

    def _mixes(self, node: fx.Node, changed: Sequence[fx.Node]) -> bool:
        source: fx.Node = argument(node, 0)
        if changed != [source] or self.network.batch_axis(node) != 0:
            return False
        block = self.blocks[source]
        if block is None or node.all_input_nodes.count(source) != 1:
            return False
        rank: int = source.meta["val"].dim()
        if name_of(node) == "linear":
            return block.axis == rank - 1
        return name_of(node) == "conv2d" and groups_of(node) == 1 and block.axis == 1 and rank == 4

    def _is_owned(self, source: fx.Node) -> bool:
        tensor = self.network.is_tensor(source) and self.blocks.get(source) is None
        return tensor and name_of(source) in _OWNED and len(source.users) == 1

    def _floats(self, node: fx.Node, changed: Sequence[fx.Node], mixes: bool) -> int:
        floats = self.size(node) + sum(self.size(n) for n in changed)
        if mixes and name_of(node) == "conv2d":
            block = self.blocks[changed[0]]
            assert block is not None
            floats += self._patches(node) * block.width
        elif self.blocks.get(node) is None and product_of(self.network, node) == "patches":
            floats += self._patches(node) * self.network.shape(argument(node, 1), 1)[1]
        return floats

    def _patches(self, node: fx.Node) -> int:
        """Return the number of values that a convolution reads of one channel."""
        kernel = self.network.shape(argument(node, 1), 1)[2:]
        return math.prod(kernel) * math.prod(self.network.shape(node, 1)[2:])


def _segments(network: ExportedNetwork, steps: Sequence[Step], forms: _Forms) -> Iterable[Segment]:
    """Divide the steps where the values become so few that more edits fit in the memory."""
    if not steps or network.logits not in forms.blocks:
        return
    peaks = [step.floats for step in steps]
    for i in reversed(range(len(steps) - 1)):
        peaks[i] = max(peaks[i], peaks[i + 1])
    place = {step.node: i for i, step in enumerate(steps)}
    last = {
        node: max((place[user] for user in node.users if user in place), default=-1)
        for node in place
    }
    last[network.logits] = len(steps)
    start = 0
    for stop in range(1, len(steps) + 1):
        if stop < len(steps) and 2 * peaks[stop] > peaks[start]:
            continue
        live = tuple(n for n in place if place[n] < stop <= last[n])
        if stop < len(steps) and not all(_can_be_cut(network, n) for n in live):
            continue
        kept = sum(forms.size(n) for n in live)
        yield Segment(tuple(steps[start:stop]), live, peaks[start], kept)
        start = stop


def _can_be_cut(network: ExportedNetwork, node: fx.Node) -> bool:
    return network.is_tensor(node) and network.batch_axis(node) is not None
