"""The connections between tested layers: which of them read the channels of which others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai_interventional.dataflow import Dataflow
from causalxai_interventional.edits import EditableLayer, channel_dim, editable_layer
from causalxai_interventional.parameter_space import ParameterLayer

Change = Callable[[Tensor, int], Tensor]
"""A function of a layer's output and the number of its run, from 0, to the output to use."""


@dataclass(frozen=True)
class Connections:
    """The known connections between tested layers.

    Parameters
    ----------
    feeds
        For each tested layer, the tested layers whose channels it reads.
    closed
        The layers that reach the logits only through the tested layers that read their channels,
        as the data flow tells or was measured.
    """

    feeds: Mapping[str, tuple[str, ...]]
    closed: frozenset[str]

    def readers(self, layer: str) -> tuple[str, ...]:
        """Return the tested layers that read the channels of a layer."""
        return tuple(name for name, feeds in self.feeds.items() if layer in feeds)

    @property
    def passed_by(self) -> tuple[str, ...]:
        """The layers that have readers, but reach the logits by other ways as well."""
        return tuple(name for name in self.feeds if self.readers(name) and name not in self.closed)


@torch.no_grad()
def find_connections(
    classifier: Classifier,
    layers: Sequence[ParameterLayer],
    dataflow: Dataflow | None,
    images: Tensor,
) -> Connections:
    """Find the connections, from the traced data flow if there is one.

    If a network cannot be traced, a layer is only tested for whether it reads the one before it.

    Parameters
    ----------
    classifier
        The classifier.
    layers
        The tested layers, in the order in which they first run.
    dataflow
        The traced data flow; ``None`` if the network cannot be traced.
    images
        ``[n, c, h, w]`` that differ from one another, on the classifier's device.
    """
    names = {layer.name for layer in layers}
    if any(layer.granularity == "head" for layer in layers):
        # A head reads all channels of the layer before, and all channels of its own layer read it.
        return Connections(dict.fromkeys(names, ()), frozenset())
    feeds: dict[str, tuple[str, ...]]
    if dataflow is not None:
        feeds = {
            layer.name: tuple(f for f in dataflow.feeders(layer.name) if f in names)
            for layer in layers
        }
    else:
        feeds = {layer.name: () for layer in layers}
        for before, layer in pairwise(layers):
            if _reads_its_channels(classifier, before, layer, images):
                feeds[layer.name] = (before.name,)
    found = Connections(feeds, frozenset())
    closed = {
        name
        for name in feeds
        if _is_closed_by(dataflow, found, name) or _is_closed(classifier, found, name, images)
    }
    return Connections(feeds, frozenset(closed))


def _reads_its_channels(
    classifier: Classifier, before: ParameterLayer, layer: ParameterLayer, images: Tensor
) -> bool:
    """Return whether each channel of ``before`` reaches only its own inputs of ``layer``."""
    if layer.sources * layer.groups % before.destinations:
        return False
    reader, writer = (editable_layer(classifier.model, one.name) for one in (layer, before))
    read = _inputs_of(classifier, reader, images)
    for parity in (0, 1):
        odd = torch.arange(before.destinations, device=images.device) % 2 == parity

        def change(output: Tensor, _run: int, odd: Tensor = odd) -> Tensor:
            along = odd.view(-1, *[1] * (output.dim() - 1)).movedim(0, channel_dim(writer))
            return torch.where(along, _disturbed(output), output)

        with _changed(writer, change):
            after = _inputs_of(classifier, reader, images)
        expected = odd.repeat_interleave(layer.sources * layer.groups // before.destinations)
        for one, other in zip(read, after, strict=True):
            moved = (one != other).movedim(channel_dim(reader), 0).flatten(1).any(dim=1)
            if bool(moved[~expected].any()) or not bool(moved.any()):
                return False
    return bool(read)


def _is_closed_by(dataflow: Dataflow | None, known: Connections, layer: str) -> bool:
    """Return whether all ways from a layer to the logits are seen to lead through its readers."""
    readers = known.readers(layer)
    if dataflow is None or not readers or layer in readers:
        return False
    return not dataflow.leads_past(layer, readers)


def _is_closed(classifier: Classifier, known: Connections, layer: str, images: Tensor) -> bool:
    """Return whether a change of the layer's output reaches the logits only through its readers.

    Its output is disturbed while the outputs of its readers are held: the logits must stay the
    same.
    """
    readers = known.readers(layer)
    if not readers or layer in readers:
        return False
    runs: dict[str, list[Tensor]] = {name: [] for name in readers}

    def keep(name: str) -> Change:
        def record(output: Tensor, _run: int) -> Tensor:
            runs[name].append(output.clone())
            return output

        return record

    def hold(name: str) -> Change:
        return lambda _output, run: runs[name][run].clone()

    with ExitStack() as stack:
        for name in readers:
            stack.enter_context(_changed(editable_layer(classifier.model, name), keep(name)))
        before = classifier.model(images)
    with ExitStack() as stack:
        for name in readers:
            stack.enter_context(_changed(editable_layer(classifier.model, name), hold(name)))
        stack.enter_context(
            _changed(editable_layer(classifier.model, layer), lambda out, _: _disturbed(out))
        )
        after = classifier.model(images)
    allowed = 1e-5 * float(before.abs().max())
    return bool(((after - before).abs() <= allowed).all())


def _disturbed(output: Tensor) -> Tensor:
    """Return an output with Gaussian noise; its sd is the largest absolute value plus 1."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(output.shape, generator=generator).to(output.device, output.dtype)
    return output + (1 + output.abs().max()) * noise


def _inputs_of(classifier: Classifier, layer: EditableLayer, images: Tensor) -> list[Tensor]:
    """Return the layer's input in each of its runs."""
    inputs: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _l, args, _o: inputs.append(args[0].clone()))
    try:
        classifier.model(images)
        return inputs
    finally:
        handle.remove()


@contextmanager
def _changed(layer: EditableLayer, change: Change) -> Iterator[None]:
    """Replace the layer's output in each of its runs."""
    run = 0

    def hook(_layer: object, _args: object, output: Tensor) -> Tensor:
        nonlocal run
        run += 1
        return change(output, run - 1)

    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
