"""Exact strategies from single edits of a layer to logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn

from causalxai.classifier import Classifier
from causalxai_interventional.changed_heads import scaled_heads
from causalxai_interventional.changed_operations import edited, mixed, on_everything, within_block
from causalxai_interventional.changes import Unedited, Value, joined, rows_of
from causalxai_interventional.dataflow import Dataflow
from causalxai_interventional.edits import EditableLayer, Edits, Granularity, editable_layer
from causalxai_interventional.kept_constants import Kept, KeptConstants
from causalxai_interventional.plan import Plan, Segment, Step

FAST_MEMORY = 4 * 2**20
"""The bytes of activations that are computed at once: what a processor's cache holds."""


class Propagation(ABC):
    """Computes the classifier's logits under each of many edits of one layer.

    Parameters
    ----------
    classifier
        The network; its weights are never written.
    working_set
        The memory in bytes that the activations of one chunk of edits may take.
    """

    def __init__(self, classifier: Classifier, working_set: int) -> None:
        self.classifier = classifier
        self.working_set = working_set
        self.activation = largest_activation(classifier)

    @abstractmethod
    def applies(self, layer: str, granularity: Granularity) -> bool:
        """Return whether this strategy applies to edits of a layer."""

    @abstractmethod
    def logits(self, layer: str, inputs: Tensor, edits: Edits) -> Tensor:
        """Return ``[q, n, K]`` for ``q`` edits and ``n`` images."""

    def _module(self, layer: str) -> EditableLayer:
        return editable_layer(self.classifier.model, layer)

    def _chunks(
        self, count: int, floats_per_edit: int, memory: int | None = None
    ) -> Iterator[slice]:
        size = max(1, (memory or self.working_set) // (4 * max(1, floats_per_edit)))
        yield from (slice(start, min(start + size, count)) for start in range(0, count, size))


class DataflowPropagation(Propagation):
    """Computes only what an edit changes, operation by operation.

    Parameters
    ----------
    classifier, working_set
        As for every strategy.
    dataflow
        The network's operations.
    memory
        The bytes of what is made of weights that may be kept from one query to the next.
    """

    def __init__(
        self, classifier: Classifier, working_set: int, dataflow: Dataflow, memory: int = 0
    ) -> None:
        super().__init__(classifier, working_set)
        self.dataflow, self._memory = dataflow, memory
        self._kept = {True: Kept(), False: Kept()}

    def applies(self, layer: str, granularity: Granularity) -> bool:
        """Return whether the operations that use the weight, or give the heads, are known."""
        if granularity == "head":
            return layer in self.dataflow.heads and bool(self.dataflow.heads[layer].outputs)
        return bool(self.dataflow.calls(layer))

    @torch.no_grad()
    def logits(
        self, layer: str, inputs: Tensor, edits: Edits, dtype: torch.dtype | None = None
    ) -> Tensor:
        """Return ``[q, n, K]`` for ``q`` edits and ``n`` images.

        The network's weights are taken in another floating-point type, ``dtype``, if it is given.
        """
        network, n = self.dataflow.network, len(inputs)
        plan = self.dataflow.plan(layer, heads=edits.granularity == "head")
        # Convolutions are up to twice as fast on a processor if channels are last in memory.
        channels_last = inputs.device.type == "cpu"
        if channels_last:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        kept = self._kept[channels_last] if dtype is None else Kept()
        constants = KeptConstants(network, kept, dtype, channels_last=channels_last)
        values = network.run(inputs, plan.read, constants)
        unedited = Unedited(network, constants, values, n)
        order = _ascending(edits.channel)
        ordered = edits if order is None else edits[order]
        each = n * max((s.kept for s in plan.segments), default=1)
        found = [
            self._logits(plan, unedited, ordered[rows]) for rows in self._chunks(len(edits), each)
        ]
        constants.keep_within(self._memory)
        whole = found[0] if len(found) == 1 else torch.cat(found)
        answers: Tensor = whole.unflatten(0, (len(edits), n))
        if order is None:
            return answers
        return torch.empty_like(answers).index_copy_(0, order, answers)

    def _logits(self, plan: Plan, unedited: Unedited, edits: Edits) -> Tensor:
        """Return ``[q * n, K]``."""
        values: dict[fx.Node, Value] = {}
        for segment in plan.segments:
            values = self._segment(plan, segment, unedited, edits, values)
        logits = unedited.network.logits
        if logits in values:
            return unedited.dense(logits, values[logits])
        repeated: Tensor = unedited.repeated(logits, len(edits))
        return repeated

    def _segment(
        self,
        plan: Plan,
        segment: Segment,
        unedited: Unedited,
        edits: Edits,
        values: dict[fx.Node, Value],
    ) -> dict[fx.Node, Value]:
        """Return the results of a segment, from those of the one before it."""
        network, parts = unedited.network, list[dict[fx.Node, Value]]()
        memory = min(FAST_MEMORY, self.working_set)
        for rows in self._chunks(len(edits), unedited.images * segment.floats, memory):
            part = {
                node: rows_of(value, rows, len(edits), network.batch_axis(node))
                for node, value in values.items()
            }
            for step in segment.steps:
                part[step.node] = self._value(plan, step, unedited, edits[rows], part)
            parts.append({node: part[node] for node in segment.results})
        return {
            node: joined([part[node] for part in parts], network.batch_axis(node))
            for node in segment.results
        }

    def _value(
        self, plan: Plan, step: Step, unedited: Unedited, edits: Edits, values: dict[fx.Node, Value]
    ) -> Any:
        node = step.node
        if node in plan.calls and plan.axis is not None:
            return scaled_heads(unedited, node, edits, values, plan.axis)
        if node in plan.calls:
            return edited(unedited, node, edits, values)
        if step.block is not None:
            return within_block(unedited, node, values, step.block)
        if step.mixes:
            return mixed(unedited, node, values)
        return on_everything(unedited, node, values, len(edits), owned=step.owned)


def _ascending(numbers: Tensor) -> Tensor | None:
    """Return the order that makes numbers ascend; ``None`` if they do so already."""
    if bool((numbers[1:] >= numbers[:-1]).all()):
        return None
    return torch.argsort(numbers, stable=True)


@torch.no_grad()
def largest_activation(classifier: Classifier, *, since: str | None = None) -> int:
    """Return the number of values in the largest output of any module, for one image.

    Parameters
    ----------
    classifier
        The network.
    since
        The layer from whose first run on outputs are counted; all and the image unless given.
    """
    largest, counts = (classifier.image_size, True) if since is None else (1, False)

    def note(module: nn.Module, _args: Any, output: Any) -> None:
        nonlocal largest, counts
        counts = counts or module is first
        if counts and isinstance(output, Tensor):
            largest = max(largest, output.numel())

    first = None if since is None else classifier.model.get_submodule(since)
    handles = [module.register_forward_hook(note) for module in classifier.model.modules()]
    try:
        classifier.model(torch.zeros(1, *classifier.image_shape, device=classifier.device))
    finally:
        for handle in handles:
            handle.remove()
    return largest
