"""Four exact strategies from single edits to logits; the first that applies is the fastest."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from causalxai.classifier import Classifier
from causalxai_interventional.dataflow import Dataflow, Head, Path
from causalxai_interventional.edits import (
    EditableLayer,
    Edits,
    channel_dim,
    output_change,
    output_change_by_row,
    weight_name,
)


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
    def applies(self, layer: str) -> bool:
        """Return whether this strategy applies to edits of a layer."""

    @abstractmethod
    def logits(self, layer: str, inputs: Tensor, edits: Edits) -> Tensor:
        """Return ``[q, n, K]`` for ``q`` edits and ``n`` images."""

    def _module(self, layer: str) -> EditableLayer:
        module = self.classifier.model.get_submodule(layer)
        assert isinstance(module, nn.Conv2d | nn.Linear)
        return module

    def _chunks(self, count: int, floats_per_edit: int) -> Iterator[slice]:
        size = max(1, self.working_set // (4 * max(1, floats_per_edit)))
        yield from (slice(start, min(start + size, count)) for start in range(0, count, size))


class DataflowPropagation(Propagation):
    """Propagates only the changed channel through the next layer; runs the tail per edit."""

    def __init__(self, classifier: Classifier, working_set: int, dataflow: Dataflow) -> None:
        super().__init__(classifier, working_set)
        self.dataflow = dataflow

    def applies(self, layer: str) -> bool:
        """Return whether the layer's path to the logits is known."""
        return self.dataflow.path(layer) is not None

    def logits(self, layer: str, inputs: Tensor, edits: Edits) -> Tensor:
        """Return ``[q, n, K]`` for ``q`` edits and ``n`` images."""
        path = self.dataflow.path(layer)
        assert path is not None
        module = self._module(layer)
        seen = self.dataflow.capture(inputs, path.captured)
        n = inputs.shape[0]
        # Edits of different channels share a slot, that is, one pass through the segment. The slot
        # of an edit is its rank among the edits of its channel.
        order = torch.argsort(edits.channel, stable=True)
        edits = edits[order]
        slot = _rank_within(edits.channel)
        _, channel = torch.unique_consecutive(edits.channel, return_inverse=True)
        slots, channels = int(slot.max()) + 1, int(channel.max()) + 1
        answers = torch.empty(len(edits), n, len(self.classifier.class_names), device=inputs.device)
        for block in self._chunks(channels, n * path.floats_per_edit):
            width = min(block.stop, channels) - block.start
            per_slot = n * path.floats_per_edit * width + 4 * seen[path.layer].numel()
            for some in self._chunks(slots, per_slot):
                within = (channel >= block.start) & (channel < block.stop)
                within &= (slot >= some.start) & (slot < some.stop)
                rows = within.nonzero()[:, 0]
                if len(rows):
                    local = slot[rows] - some.start
                    found = self._chunk(path, module, seen, edits[rows], local)
                    answers[order[rows]] = found.to(answers.dtype)
        return answers

    def _chunk(
        self, path: Path, module: EditableLayer, seen: dict[Any, Tensor], edits: Edits, slot: Tensor
    ) -> Tensor:
        """Return the logits of edits that are sorted by channel and, within a channel, by slot."""
        (source,) = path.layer.all_input_nodes
        output, end, n = seen[path.layer], seen[path.end], seen[path.end].shape[0]
        channels, position = torch.unique_consecutive(edits.channel, return_inverse=True)
        slots = output.expand(int(slot.max()) + 1, *output.shape).clone()
        # [slots, C, n, ...]: a view, so that the edits are written into `slots`.
        by_channel = _by_channel(slots, module, batch_dims=2)
        by_channel[slot, edits.channel] += output_change(module, seen[source], output, edits)
        outer = [_repeat(seen[node], len(slots)) for node in path.segment_outer]
        # The segment runs on [slots * n, ...]; afterwards the slots are an axis of their own again.
        ends = path.segment(slots.flatten(0, 1), *outer).unflatten(0, (-1, n))
        before = _blocks(end, module, batch_dims=1)[channels]
        after = _blocks(ends, module, batch_dims=2)[:, channels].transpose(0, 1)
        # [u, slots, n, ..., p]: for each changed channel and slot, the change at the segment's end.
        change = after - before[:, None]
        tail = [
            _select(_head_change(head, channels, change), position, slot) + seen[head.node]
            for head in path.heads
        ]
        if path.keeps_end:
            kept = end.expand(len(edits), *end.shape).clone()
            rows = torch.arange(len(edits), device=end.device)
            blocks = _blocks(kept, module, batch_dims=2)
            blocks[rows, edits.channel] = _select(after, position, slot)
            tail.insert(0, kept)
        # [q, n, ...] becomes [q * n, ...] for the tail.
        tail = [tensor.flatten(0, 1) for tensor in tail]
        tail += [_repeat(seen[node], len(edits)) for node in path.tail_outer]
        return torch.unflatten(path.tail(*tail), 0, (-1, n))


def _head_change(head: Head, channels: Tensor, change: Tensor) -> Tensor:
    """Return the change of a head's output by each changed channel alone.

    Parameters
    ----------
    channels
        ``[u]``, the channels.
    change
        ``[u, s, n, ..., p]``, the change of channel u in slot s, a block of p values for a linear
        head; ``[u, s, n, h, w]`` for a convolution.

    Returns
    -------
    Tensor
        ``[u, s, n, ...]``, in the shape of the head's output.
    """
    module = head.module
    u, s, n = change.shape[:3]
    if isinstance(module, nn.Linear):
        # The weight [K, C * p] is split into blocks of p values per channel; only the changed
        # channels' blocks are multiplied: [u, s * n, p] @ [u, p, K].
        width = change.shape[-1]
        weight = module.weight.unflatten(1, (head.channels, width))[:, channels]
        rows = change.reshape(u, -1, width)
        return torch.unflatten(rows @ weight.permute(1, 2, 0), 1, change.shape[1:-1])
    assert not isinstance(module.padding, str)
    # A convolution of single channels as a matrix product over patches, for speed: only the
    # changed channels are read. [u * s * n, 1, h, w] becomes [u * s * n, kh * kw, p].
    patches = F.unfold(
        change.flatten(0, 2)[:, None],
        module.kernel_size, module.dilation, module.padding, module.stride,
    )  # fmt: skip
    # [u, kh * kw, s * n * p], to be multiplied with weights [u, K, kh * kw].
    columns = patches.unflatten(0, (u, s * n)).transpose(1, 2).flatten(2)
    weight = module.weight[:, channels].flatten(2).transpose(0, 1)
    written = (weight @ columns).unflatten(2, (s * n, -1)).transpose(1, 2)
    return torch.unflatten(written.unflatten(1, (s, n)), 4, head.size)


def _select(grid: Tensor, position: Tensor, slot: Tensor) -> Tensor:
    """Return ``[q, ...]`` from ``[u, s, ...]``; edits that fill the whole grid are in its order."""
    if len(slot) == grid.shape[0] * grid.shape[1]:
        return grid.flatten(0, 1)
    return grid[position, slot]


class VmapPropagation(Propagation):
    """Runs any network once per chunk by vmap; operations before the layer are shared."""

    def __init__(self, classifier: Classifier, working_set: int) -> None:
        super().__init__(classifier, working_set)
        self._behind: dict[str, int] = {}

    def applies(self, layer: str) -> bool:  # noqa: ARG002
        """Return True, because it applies to any layer."""
        return True

    def logits(self, layer: str, inputs: Tensor, edits: Edits) -> Tensor:
        """Return ``[q, n, K]`` for ``q`` edits and ``n`` images."""
        module = self._module(layer)
        whole = edits.source is None

        def under_edit(channel: Tensor, source: Tensor, scale: Tensor) -> Tensor:
            edit = Edits(channel[None], None if whole else source[None], scale[None])

            def hook(layer_inputs: Tensor, output: Tensor) -> Tensor:
                change = output_change(module, layer_inputs, output, edit)[0]
                dim = channel_dim(module)
                channels = torch.arange(output.shape[dim], device=output.device)
                hit = (channels == channel).view(-1, *[1] * (output.dim() - 1)).movedim(0, dim)
                return torch.where(hit, output + change.unsqueeze(dim), output)

            with _output_hook(module, hook), _OutOfPlace():
                logits: Tensor = self.classifier.model(inputs)
            return logits

        if layer not in self._behind:
            self._behind[layer] = largest_activation(self.classifier, since=layer)
        batched = torch.func.vmap(under_edit)
        sources = edits.channel if edits.source is None else edits.source
        with warnings.catch_warnings():
            # Operations without a rule for batches, as in attention, are run one by one.
            warnings.filterwarnings("ignore", message="There is a performance drop")
            return torch.cat(
                [
                    batched(edits.channel[rows], sources[rows], edits.scale[rows])
                    for rows in self._chunks(len(edits), 4 * len(inputs) * self._behind[layer])
                ]
            )


class ExpandedPropagation(Propagation):
    """Repeats the images for each edit of a chunk; slow, but without requirements."""

    def applies(self, layer: str) -> bool:  # noqa: ARG002
        """Return True, because it applies to any layer."""
        return True

    def logits(self, layer: str, inputs: Tensor, edits: Edits) -> Tensor:
        """Return ``[q, n, K]`` for ``q`` edits and ``n`` images."""
        module = self._module(layer)
        n = inputs.shape[0]
        answers = []
        for rows in self._chunks(len(edits), 4 * n * self.activation):
            some = edits[rows]
            answers.append(self._chunk(module, inputs, some).unflatten(0, (len(some), n)))
        return torch.cat(answers)

    def _chunk(self, module: EditableLayer, inputs: Tensor, edits: Edits) -> Tensor:
        q, n = len(edits), inputs.shape[0]

        def hook(layer_inputs: Tensor, output: Tensor) -> Tensor:
            by_row = output.unflatten(0, (q, n)).clone()
            change = output_change_by_row(module, layer_inputs.unflatten(0, (q, n)), by_row, edits)
            dim = channel_dim(module)
            rows = torch.arange(q, device=output.device)
            by_row.movedim(dim if dim < 0 else dim + 1, 1)[rows, edits.channel] += change
            return torch.flatten(by_row, 0, 1)

        with _output_hook(module, hook):
            logits: Tensor = self.classifier.model(_repeat(inputs, q))
        return logits


class SerialPropagation(Propagation):
    """Runs the network once per edit with an edited copy of the weight; exact for any network."""

    def applies(self, layer: str) -> bool:  # noqa: ARG002
        """Return True, because it applies to any layer."""
        return True

    def logits(self, layer: str, inputs: Tensor, edits: Edits) -> Tensor:
        """Return ``[q, n, K]`` for ``q`` edits and ``n`` images."""
        weight, name = self._module(layer).weight, weight_name(layer)
        sources = edits.channel if edits.source is None else edits.source
        answers = []
        for channel, source, scale in zip(edits.channel, sources, edits.scale, strict=True):
            where = (channel,) if edits.source is None else (channel, source)
            rows = inputs.split(len(inputs) if len(scale) == 1 else 1)
            logits = []
            for images, value in zip(rows, 1 + scale, strict=True):
                edited = weight.clone()
                edited[where] *= value.to(edited.dtype)
                logits.append(
                    functional_call(
                        self.classifier.model, {name: edited}, (images,), tie_weights=False
                    )
                )
            answers.append(torch.cat(logits))
        return torch.stack(answers)


class _OutOfPlace(TorchFunctionMode):
    """Replaces in-place operations by their out-of-place counterparts, which vmap can batch.

    ``out += identity`` cannot write a batched value into an unbatched tensor.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if kwargs.get("inplace"):
            kwargs["inplace"] = False
        name, out_of_place = getattr(func, "__name__", ""), func
        if name.startswith("__i") and name not in ("__invert__", "__index__", "__int__"):
            out_of_place = getattr(torch.Tensor, "__" + name.removeprefix("__i"), func)
        elif name.endswith("_") and not name.endswith("__"):
            out_of_place = getattr(torch.Tensor, name[:-1], func)
        # `requires_grad_` has a namesake, `requires_grad`, that is not a function.
        return (out_of_place if callable(out_of_place) else func)(*args, **kwargs)


@contextmanager
def _output_hook(module: nn.Module, change: Callable[[Tensor, Tensor], Tensor]) -> Iterator[None]:
    handle = module.register_forward_hook(lambda _module, args, output: change(args[0], output))
    try:
        yield
    finally:
        handle.remove()


def _rank_within(channel: Tensor) -> Tensor:
    """Return the number of earlier entries with the same channel; ``channel`` is sorted."""
    positions = torch.arange(len(channel), device=channel.device)
    return positions - torch.searchsorted(channel, channel)


def _by_channel(tensor: Tensor, module: EditableLayer, batch_dims: int) -> Tensor:
    """View ``[(s,) n, ...]`` as ``[(s,) C, n, ...]``."""
    dim = -1 if isinstance(module, nn.Linear) else batch_dims
    return tensor.movedim(dim, batch_dims - 1)


def _blocks(tensor: Tensor, module: EditableLayer, batch_dims: int) -> Tensor:
    """Like ``_by_channel``, with a last axis for the block of values that a linear head reads."""
    if isinstance(module, nn.Linear):
        return _by_channel(tensor, module, batch_dims)[..., None]
    if tensor.dim() == batch_dims + 1:
        tensor = tensor.unflatten(-1, (module.out_channels, -1))
    return _by_channel(tensor, module, batch_dims)


def _repeat(tensor: Tensor, times: int) -> Tensor:
    """Repeat along the first axis, the copies one after the other."""
    return tensor.repeat(times, *[1] * (tensor.dim() - 1))


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
