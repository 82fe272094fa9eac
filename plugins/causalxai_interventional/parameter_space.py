"""The concept space of a network's parameters, in which each concept is an edge of the network."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, overload

import torch
from pydantic import Field
from torch import Tensor, nn

from causalxai.classifier import Classifier
from causalxai.concept_space import Concept, ConceptSpace, ParameterConcept, Units
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError, did_you_mean
from causalxai.network.layer_names import unknown_layer
from causalxai.network.probe_images import probe_images
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record

Granularity = Literal["slice", "filter"]

_PROBES = 4

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ParameterLayer:
    """The concepts of one convolution or linear layer.

    Parameters
    ----------
    name
        The layer's name in the network.
    destinations
        Output channels (or units) k.
    sources
        Input channels (or units) n that each destination reads.
    groups
        Groups of the convolution; 1 otherwise.
    granularity
        ``slice``: one concept for each edge n → k, a 2-D kernel slice or a single weight.
        ``filter``: one for each k, all edges into it. Biases are never part of a concept.
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
    def count(self) -> int:
        """The number of concepts of the layer."""
        return self.destinations * (self.sources if self.granularity == "slice" else 1)

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
        return local // self.sources if self.granularity == "slice" else local

    def source_of(self, index: Tensor) -> Tensor:
        """Return n, counted within k's group, for each concept index of a slice."""
        return (index - self.first) % self.sources

    def concept(self, index: int) -> Concept:
        """Return one concept, named as its weight is indexed: ``conv2[k,n]`` or ``conv2[k]``."""
        k, n = divmod(index - self.first, self.sources)
        name = (
            f"{self.name}[{k},{n}]"
            if self.granularity == "slice"
            else (f"{self.name}[{index - self.first}]")
        )
        return ParameterConcept(name, layer=self.name, tier=self.tier)


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
            default="slice", description="an edge n → k (slice), or all edges into k (filter)"
        )
        layers: tuple[str, ...] | None = Field(
            default=None, min_length=1, description="names of the layers; all unless given"
        )

    config: Config

    @property
    def layers(self) -> tuple[ParameterLayer, ...]:
        """The layers, in the order in which they first run."""
        return self.layers_

    @property
    def concepts(self) -> Sequence[Concept]:
        """One concept for each edge (or filter) of each layer."""
        return _ParameterConcepts(self.layers_)

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
        self._check_layers(parameter_modules(classifier)[0])

    def _check_layers(self, found: Mapping[str, nn.Module]) -> None:
        for name in self.config.layers or ():
            if name not in found:
                raise unknown_layer(
                    name, list(found), "concepts.layers", "convolution or linear layer that runs"
                )

    def _list_layers(self, classifier: Classifier) -> Self:
        self._device = classifier.device
        found, last = parameter_modules(classifier)
        wanted = list(found) if self.config.layers is None else list(self.config.layers)
        self._check_layers(found)
        if not wanted:
            raise CapabilityError(_no_layer(classifier.model))
        computed = [name for name in wanted if "weight" not in found[name]._parameters]
        if computed:
            raise CapabilityError(
                f"the weights of {', '.join(computed)} are computed (by a parametrisation such as "
                "spectral or weight norm) and can't be edited; remove the parametrisation, or "
                "name the other layers in concepts.layers"
            )
        self.left_out_ = _weights_outside(classifier.model, found) if not self.config.layers else ()
        if self.left_out_:
            _logger.warning(
                "weights of no convolution or linear layer that a forward pass calls are left "
                "out: %s", ", ".join(self.left_out_),
            )  # fmt: skip
        layers: list[ParameterLayer] = []
        for tier, (name, module) in enumerate(found.items()):
            if name in wanted:
                weight, groups = module.weight, getattr(module, "groups", 1)
                first = layers[-1].indices.stop if layers else 0
                layers.append(
                    ParameterLayer(
                        name,
                        weight.shape[0],
                        weight.shape[1],
                        groups,
                        self.config.granularity,
                        first,
                        tier,
                        name == last,
                    )
                )
        self.layers_ = tuple(layers)
        return self

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


def parameter_modules(
    classifier: Classifier,
) -> tuple[dict[str, nn.Conv2d | nn.Linear], str]:
    """Return the convolution and linear layers that a forward pass calls, and the last one.

    Returns
    -------
    layers
        By name, in the order in which they first run.
    last
        The name of the one that runs last; empty if there is none.
    """
    classifier.require_layers()
    modules = {
        name: module
        for name, module in classifier.model.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }
    called: dict[str, nn.Conv2d | nn.Linear] = {}
    names = {module: name for name, module in modules.items()}
    last = ""

    def note(module: nn.Module, _args: object) -> None:
        nonlocal last
        last = names[module]  # type: ignore[index]
        called.setdefault(last, modules[last])

    handles = [module.register_forward_pre_hook(note) for module in names]
    try:
        classifier.logits(probe_images(classifier.image_shape)[:1])
    finally:
        for handle in handles:
            handle.remove()
    return called, last


def _weights_outside(model: nn.Module, layers: Mapping[str, nn.Module]) -> tuple[str, ...]:
    """Return the names of weights of two or more dimensions that belong to none of some layers."""
    inside = {id(weight) for layer in layers.values() for weight in layer.parameters()}
    return tuple(
        name
        for name, weight in model.named_parameters()
        if weight.dim() > 1 and id(weight) not in inside
    )


def _no_layer(model: nn.Module) -> str:
    """Say why no layer was seen to run."""
    if any(isinstance(module, nn.Conv2d | nn.Linear) for module in model.modules()):
        return (
            "the network has convolution or linear layers, but none of them is seen to run: "
            "its forward() must call them as modules, not use their weights itself"
        )
    return "the network has no convolution or linear layer (nn.Conv2d or nn.Linear)"
