"""The concept space of a network's parameters, in which each concept is an edge of the network."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self, overload

import torch
from pydantic import Field
from torch import Tensor, nn

from causalxai.classifier import Classifier
from causalxai.concept import Concept, ParameterConcept, Units
from causalxai.concept_space import ConceptSpace
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError, did_you_mean
from causalxai.network.layer_names import unknown_layer
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record
from causalxai_interventional.dataflow import Dataflow
from causalxai_interventional.edits import Granularity
from causalxai_interventional.running_layers import (
    dataflow_with_heads,
    parameter_modules,
    weights_outside,
    without_layers,
)

_PROBES = 4

_KINDS: dict[Granularity, str] = {
    "slice": "convolution or linear layer that runs",
    "filter": "convolution or linear layer that runs",
    "neuron": "linear layer that runs",
    "head": "output projection of attention whose heads can be told",
}
"""What a layer has to be, so that it has such concepts."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ParameterLayer:
    """The concepts of one convolution or linear layer.

    Parameters
    ----------
    name
        The layer's name in the network.
    destinations
        Output channels (or units) k; of heads, their number.
    sources
        Input channels (or units) n that each destination reads; of heads 1.
    groups
        Groups of the convolution; 1 otherwise.
    granularity
        ``slice``: one concept for each edge n → k, a 2-D kernel slice or a single weight.
        ``filter``: one for each k, all edges into it. ``neuron``: one for each k, all edges into it
        and its bias. ``head``: one for each head whose result the layer reads.
    first
        Index of the layer's first concept.
    tier
        The layer's place in the order of first runs.
    is_last
        Whether no other convolution or linear layer of the network runs after its last run.
    """

    name: str
    destinations: int
    sources: int
    groups: int
    granularity: Granularity
    first: int
    tier: int
    is_last: bool = False

    @property
    def by_edge(self) -> bool:
        """Whether each concept is a single edge."""
        return self.granularity == "slice"

    @property
    def count(self) -> int:
        """The number of concepts of the layer."""
        return self.destinations * (self.sources if self.by_edge else 1)

    @property
    def indices(self) -> range:
        """The concepts' indices; slices in the order ``k * sources + n``."""
        return range(self.first, self.first + self.count)

    @property
    def targets(self) -> Tensor:
        """The concepts' indices as a tensor ``[count]``, for sweeps over the whole layer."""
        return torch.arange(self.indices.start, self.indices.stop)

    def destination_of(self, index: Tensor) -> Tensor:
        """Return k for each concept index."""
        local = index - self.first
        return local // self.sources if self.by_edge else local

    def source_of(self, index: Tensor) -> Tensor:
        """Return n, counted within k's group, for each concept index of a slice."""
        return (index - self.first) % self.sources

    def concept(self, index: int) -> Concept:
        """Return one concept."""
        return ParameterConcept(self.concept_name(index), layer=self.name, tier=self.tier)

    def concept_name(self, index: int) -> str:
        """Return one concept's name, as ``conv2[k,n]``, ``conv2[k]`` or ``proj[head k]``."""
        local = index - self.first
        if self.granularity == "head":
            return f"{self.name}[head {local}]"
        if self.by_edge:
            k, n = divmod(local, self.sources)
            return f"{self.name}[{k},{n}]"
        return f"{self.name}[{local}]"


class _ParameterConcepts(Sequence[Concept]):
    """A sequence that creates concepts on demand, because a ResNet has a million."""

    def __init__(self, layers: Sequence[ParameterLayer]) -> None:
        self._layers = layers
        self._starts = [layer.first for layer in layers]

    def __len__(self) -> int:
        return sum(layer.count for layer in self._layers)

    @overload
    def __getitem__(self, index: int) -> Concept: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Concept]: ...
    def __getitem__(self, index: int | slice) -> Concept | Sequence[Concept]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        return self._layers[bisect_right(self._starts, position) - 1].concept(position)

    def __iter__(self) -> Iterator[Concept]:
        for layer in self._layers:
            yield from map(layer.concept, layer.indices)


class ParameterSpace(ConceptSpace):
    """The edges n → k of convolution and linear layers; the value 1 is intact, 0 is removed.

    They are in the order in which the layers first run. Layers that a forward pass never calls,
    such as fused attention projections, are left out, as other weights are.

    A concept can also be a whole neuron of a linear layer, with its bias, so that the value 0 makes
    its value before the activation 0; or a whole head of attention, so that the value 0 removes all
    that the head adds to what its output projection gives. The layer of heads is that projection.

    Attributes
    ----------
    left_out_
        The names of the network's weights of two or more dimensions that are no concepts, because
        they belong to no convolution or linear layer that a forward pass calls. Empty if ``layers``
        were asked for.
    probes_
        ``[p, c, h, w]``, some images of the data set, on which an oracle tries whether its fast
        computations are exact; without a data set there are none.
    """

    class Config(PluginConfig):
        """Settings of ``ParameterSpace``."""

        granularity: Granularity = Field(
            default="slice",
            description="an edge n → k (slice), all edges into k (filter), a unit of a linear "
            "layer with its bias (neuron), or a head of attention (head)",
        )
        layers: tuple[str, ...] | None = Field(
            default=None,
            min_length=1,
            description="names of the layers, for heads of attention's output projections; all "
            "that have such concepts unless given",
        )

    config: Config
    dataflow: Dataflow | None = None
    """The operations of the network in which heads were found; ``None`` without heads."""

    @property
    def layers(self) -> tuple[ParameterLayer, ...]:
        """The layers, in the order in which they first run."""
        return self.layers_

    @property
    def concepts(self) -> Sequence[Concept]:
        """One concept for each edge (or filter) of each layer."""
        return _ParameterConcepts(self.layers_)

    def names(self) -> tuple[str, ...]:
        """Return the names of the concepts, in order, without making the concepts."""
        return tuple(layer.concept_name(index) for layer in self.layers_ for index in layer.indices)

    def layer(self, name: str) -> ParameterLayer:
        """Return one layer by name."""
        for layer in self.layers_:
            if layer.name == name:
                return layer
        names = [layer.name for layer in self.layers_]
        raise KeyError(f"no layer {name!r} in this space{did_you_mean(name, names)}")

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,  # noqa: ARG002
        progress: Progress = SILENT,  # noqa: ARG002
        checkpoint: Checkpoint = NO_CHECKPOINT,  # noqa: ARG002
    ) -> Self:
        """List the network's parameters; nothing is learned.

        Raises
        ------
        CapabilityError
            If the network has no such layer, or none of the ``layers`` asked for.
        """
        self.probes_ = _some_of(dataset, classifier.image_shape)
        return self._list_layers(classifier)

    def check_classifier(self, classifier: Classifier) -> None:
        """Check that there are the layers."""
        self._chosen(classifier, self._known_layers(classifier))

    def _known_layers(self, classifier: Classifier) -> list[ParameterLayer]:
        """Return all layers with such concepts, each with its first concept at 0."""
        kind = self.config.granularity
        if kind == "head":
            self.dataflow = dataflow_with_heads(classifier, self.dataflow)
            return [
                ParameterLayer(name, heads.count, 1, 1, kind, 0, tier)
                for tier, (name, heads) in enumerate(self.dataflow.heads.items())
            ]
        called, last = parameter_modules(classifier)
        return [
            ParameterLayer(
                name,
                module.weight.shape[0],
                module.weight.shape[1],
                getattr(module, "groups", 1),
                kind,
                0,
                tier,
                name == last,
            )
            for tier, (name, module) in enumerate(called.items())
            if kind != "neuron" or isinstance(module, nn.Linear)
        ]

    def _chosen(
        self, classifier: Classifier, known: Sequence[ParameterLayer]
    ) -> list[ParameterLayer]:
        """Return the layers that are asked for, and check that their weights can be edited."""
        names = [layer.name for layer in known]
        for name in self.config.layers or ():
            if name not in names:
                kind = _KINDS[self.config.granularity]
                raise unknown_layer(name, names, "concepts.layers", kind)
        chosen = [layer for layer in known if layer.name in (self.config.layers or names)]
        modules = {layer.name: classifier.model.get_submodule(layer.name) for layer in chosen}
        edited = {"weight", "bias"} if self.config.granularity == "neuron" else {"weight"}
        computed = [n for n, module in modules.items() if not edited <= module._parameters.keys()]
        if computed:
            raise CapabilityError(
                f"the weights of {', '.join(computed)} are computed (by a parametrisation such as "
                "spectral or weight norm) and can't be edited; remove the parametrisation, or "
                "name the other layers in concepts.layers"
            )
        return chosen

    def _list_layers(self, classifier: Classifier) -> Self:
        self._device = classifier.device
        chosen = self._chosen(classifier, self._known_layers(classifier))
        if not chosen:
            raise without_layers(classifier.model, linear=self.config.granularity == "neuron")
        self.left_out_ = self._left_out(classifier)
        layers: list[ParameterLayer] = []
        for layer in chosen:
            first = layers[-1].indices.stop if layers else 0
            layers.append(replace(layer, first=first))
        self.layers_ = tuple(layers)
        return self

    def _left_out(self, classifier: Classifier) -> tuple[str, ...]:
        """Return the weights that a user who wants all edges or neurons would miss."""
        if self.config.layers or self.config.granularity == "head":
            return ()
        left_out = weights_outside(classifier.model, parameter_modules(classifier)[0])
        if left_out:
            _logger.warning(
                "weights of no convolution or linear layer that a forward pass calls are left "
                "out: %s",
                ", ".join(left_out),
            )
        return left_out

    def encode(self, images: Tensor) -> Units:
        """Return units whose parameters are all intact and that keep their image.

        ``values`` is a view of a single element, so that it takes no memory for any ``d``.
        """
        one = torch.ones((), device=self._device)
        return Units(
            one.expand(len(images), len(self.concepts)), {"inputs": images.to(self._device)}
        )

    def to_record(self) -> Record:
        """Return the probes alone, because everything else is in the network."""
        return Record(tensors={"probes": self.probes_})

    def restore(self, record: Record, classifier: Classifier) -> Self:
        """List the network's parameters again."""
        self.probes_ = record.tensors["probes"]
        return self._list_layers(classifier)


def _some_of(dataset: Dataset | None, shape: tuple[int, int, int]) -> Tensor:
    """Return some images of the training split, spread over it, ``[p, c, h, w]`` on the CPU."""
    if dataset is None or not len(dataset.train):
        return torch.zeros(0, *shape)
    rows = torch.linspace(0, len(dataset.train) - 1, min(_PROBES, len(dataset.train)))
    return dataset.train.images[rows.long()].detach().cpu().clone()
