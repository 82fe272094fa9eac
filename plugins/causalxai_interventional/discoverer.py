"""The layered graph of a network, with the edges that support or oppose a class."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import scipy
import torch
from pydantic import BeforeValidator, Field
from torch import Tensor

from causalxai.capabilities import Capability, expect
from causalxai.dataset import class_index
from causalxai.errors import CapabilityError
from causalxai.graph import CausalGraph, Edge, Node, NodeKind
from causalxai.graph_discoverer import DiscovererConfig, DiscoveryInputs, GraphDiscoverer
from causalxai.outline import Outline
from causalxai.storage.record import Json
from causalxai_interventional.mechanisms import (
    LayerMechanisms,
    SelectionRule,
    by_source,
    doubts,
    find_mechanisms,
)
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import ParameterLayer

_IMAGES_AT_ONCE = 10
_RULE = set(SelectionRule.model_fields)

_logger = logging.getLogger(__name__)


def _as_text(name: object) -> object:
    """Convert a class name that YAML reads as a number, such as 3, to text."""
    return f"{name}" if type(name) is int else name


ClassName = Annotated[str, BeforeValidator(_as_text)]


class InterventionalDiscoverer(GraphDiscoverer):
    """Runs algorithm 1 on correctly classified images and counts how often each edge is causal.

    Nodes are the channels ``image:n`` of the image, the channels or units ``layer:k`` of each
    layer, and the classes. An edge's ``frequency`` is the share of a class's positives in which it
    is in G+ (or G-, with a negative weight); ``weight`` is the mean contribution to the logit, with
    its 95 % interval, over those positives in which the algorithm tested the edge. Both are for the
    class in which the edge is most frequent; its annotations have ``supports`` and ``opposes`` by
    the name of each class. Where a linear layer reads flattened channels, the units of one channel
    are one source, which is causal if any of them is; its weight is the sum over the units' single
    removals.

    With whole filters as concepts, each filter has one edge to the class: its total effect.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})
    oracle_kind = ParameterOracle

    class Config(DiscovererConfig, SelectionRule):
        """Settings of ``InterventionalDiscoverer``."""

        classes: tuple[ClassName, ...] | None = Field(
            default=None, min_length=1, description="names of the classes; all unless given"
        )
        positives: int = Field(
            default=100, ge=1, description="correctly classified images of each class, at most"
        )
        min_frequency: float = Field(
            default=0.1, gt=0, le=1, description="edges that are rarer are left out of the graph"
        )

    config: Config

    def check_outline(self, outline: Outline) -> None:
        """Check that there are the classes."""
        self._classes(outline.class_names)

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        oracle = expect(inputs.need_oracle(), ParameterOracle, type(self).__name__)
        classes = self._classes(inputs.dataset.class_names)
        tallies: dict[str, dict[str, _Tally]] = {}
        with inputs.progress.task("algorithm 1 on positives", len(classes)) as advance:
            for name, index in classes.items():
                images = self._positives(inputs, name, index)
                tallies[name] = self._tally(oracle, images, index)
                advance(1, f"class {name}: {len(images)} images")
        return _build_graph(oracle, tallies, self.config)

    @property
    def rule(self) -> SelectionRule:
        """The rule by which edges count as causal, also where others use this graph."""
        return SelectionRule.model_validate(self.config.model_dump(include=_RULE))

    def _classes(self, known: Sequence[str]) -> dict[str, int]:
        wanted = known if self.config.classes is None else self.config.classes
        return {name: class_index(name, known, "graph.classes") for name in wanted}

    def _positives(self, inputs: DiscoveryInputs, name: str, index: int) -> Tensor:
        test = inputs.dataset.test
        own = (test.labels == index).nonzero()[:, 0]
        chosen = own[torch.randperm(len(own), generator=inputs.rng)]
        if len(own):
            hits = inputs.classifier.predict(test[chosen].images).cpu() == index
            chosen = chosen[hits][: self.config.positives]
        if not len(chosen):
            raise CapabilityError(f"no test image of class {name!r} is classified correctly")
        return test.images[chosen]

    def _tally(self, oracle: ParameterOracle, images: Tensor, index: int) -> dict[str, _Tally]:
        tallies: dict[str, _Tally] = {}
        feeds = oracle.connections.feeds
        for batch in torch.split(images, _IMAGES_AT_ONCE):
            units = oracle.space.encode(batch)
            targets = torch.full((len(batch), 1), index, device=oracle.classifier.device)
            found = find_mechanisms(oracle, units, targets, self.config)
            for name, layer in found.layers.items():
                one = _Tally.of(layer, _source_channels(oracle, layer.layer, feeds[name]))
                tallies[name] = tallies[name] + one if name in tallies else one
        return tallies


@dataclass(frozen=True)
class _Tally:
    """Sums over images for the edges of a layer, ``[O, C]`` each, with C source channels."""

    images: int
    tested: Tensor
    supports: Tensor
    opposes: Tensor
    effect: Tensor
    squares: Tensor

    @classmethod
    def of(cls, found: LayerMechanisms, channels: int) -> _Tally:
        """Count over the images of one batch; units of one flattened channel are one source."""

        def by_channel(edges: Tensor) -> Tensor:
            spread = by_source(edges[:, 0], found.layer)
            return torch.unflatten(spread, 2, (channels, -1))

        whole = not found.layer.by_edge
        tested, supports, opposes, delta = (
            field[:, 0][..., None] if whole else by_channel(field)
            for field in (found.tested, found.supports, found.opposes, found.delta)
        )
        effect = -delta.sum(dim=3)
        return cls(
            len(effect),
            tested.any(dim=3).sum(dim=0),
            supports.any(dim=3).sum(dim=0),
            opposes.any(dim=3).sum(dim=0),
            effect.double().sum(dim=0),
            effect.double().square().sum(dim=0),
        )

    def shares(self) -> tuple[Tensor, Tensor]:
        """Return how often each edge supports, and opposes: ``[O, C]`` in [0, 1]."""
        return self.supports.double() / self.images, self.opposes.double() / self.images

    def edge(
        self, source: str, target: str, at: tuple[int, int], annotations: Mapping[str, Json]
    ) -> Edge:
        """Return one edge with its mean contribution, interval and frequency."""
        share = float(torch.maximum(*self.shares())[at])
        n = int(self.tested[at])
        mean = float(self.effect[at]) / n
        edge = Edge(source, target, weight=mean, frequency=share, annotations=annotations)
        if n < 2:
            return edge
        variance = max(0.0, (float(self.squares[at]) - n * mean**2) / (n - 1))
        half = float(scipy.stats.t.ppf(0.975, n - 1)) * (variance / n) ** 0.5
        return replace(edge, low=mean - half, high=mean + half)

    def __add__(self, other: _Tally) -> _Tally:
        return _Tally(
            self.images + other.images,
            self.tested + other.tested,
            self.supports + other.supports,
            self.opposes + other.opposes,
            self.effect + other.effect,
            self.squares + other.squares,
        )


def _source_channels(oracle: ParameterOracle, layer: ParameterLayer, feeds: Sequence[str]) -> int:
    if feeds:
        return oracle.space.layer(feeds[0]).destinations
    return layer.sources * layer.groups


def _build_graph(
    oracle: ParameterOracle,
    tallies: Mapping[str, Mapping[str, _Tally]],
    rule: InterventionalDiscoverer.Config,
) -> CausalGraph:
    feeds, doubt = oracle.connections.feeds, doubts(oracle)
    if doubt:
        _logger.warning("%s", doubt)
    edges: dict[tuple[_Spot, _Spot], Edge] = {}
    tiers: dict[_Spot, int] = {}
    depth = len(oracle.space.layers)
    for tier, layer in enumerate(oracle.space.layers):
        for source, target, edge in _layer_edges(oracle, layer, feeds[layer.name], tallies, rule):
            edges[source, target] = edge
            place = {source: tier, target: tier + 1}
            tiers |= {spot: max(tiers.get(spot, 0), at) for spot, at in place.items()}
    tiers |= {_class_spot(oracle, name): depth for name in tallies}
    nodes = [spot.node(tiers[spot]) for spot in sorted(tiers, key=lambda spot: (tiers[spot], spot))]
    annotations: dict[str, Json] = {
        "threshold": rule.threshold,
        "tau": rule.tau,
        "min_frequency": rule.min_frequency,
        "screen": rule.screen,
        "doubt": doubt,
        "positives": {name: next(iter(one.values())).images for name, one in tallies.items()},
    }
    return CausalGraph(nodes, edges.values(), annotations=annotations)


def channel_name(layer: str, number: int) -> str:
    """Return the name of the node of a layer's channel or unit."""
    return f"{layer}:{number}"


class _Spot(NamedTuple):
    """The position of a node: a channel or unit of a layer, or a class."""

    layer: str
    number: int
    kind: NodeKind
    label: str = ""

    @property
    def name(self) -> str:
        if self.kind is NodeKind.CLASS:
            return f"class {self.label}"
        return channel_name(self.layer, self.number)

    def node(self, tier: int) -> Node:
        return Node(
            self.name,
            self.kind,
            label=self.label,
            tier=tier,
            annotations={"layer": self.layer},
        )


def _class_spot(oracle: ParameterOracle, name: str) -> _Spot:
    number = oracle.classifier.class_names.index(name)
    return _Spot("class", number, NodeKind.CLASS, name)


def _layer_edges(
    oracle: ParameterOracle,
    layer: ParameterLayer,
    feeds: Sequence[str],
    tallies: Mapping[str, Mapping[str, _Tally]],
    rule: InterventionalDiscoverer.Config,
) -> Iterator[tuple[_Spot, _Spot, Edge]]:
    """Yield the edges of a layer that are frequent enough for any class, with their ends."""
    found = {name: layers[layer.name] for name, layers in tallies.items()}
    shares = {name: tally.shares() for name, tally in found.items()}
    peak = torch.stack([torch.maximum(*share) for share in shares.values()])
    units = oracle.class_units(layer)
    class_of = None if units is None else {unit: i for i, unit in enumerate(units.tolist())}
    for k, n in (peak.amax(dim=0) >= rule.min_frequency).nonzero().tolist():
        known: dict[str, Json] = {
            "k": k,
            "n": n,
            "supports": {name: float(supports[k, n]) for name, (supports, _) in shares.items()},
            "opposes": {name: float(opposes[k, n]) for name, (_, opposes) in shares.items()},
        }
        if not layer.by_edge:
            here = _Spot(layer.name, k, NodeKind.PARAMETER)
            for index, name in enumerate(found):
                if class_of is None and float(peak[index, k, n]) >= rule.min_frequency:
                    target = _class_spot(oracle, name)
                    edge = found[name].edge(here.name, target.name, (k, n), known)
                    yield here, target, edge
            continue
        target = _Spot(layer.name, k, NodeKind.MEDIATOR)
        if class_of is not None and k in class_of:
            target = _class_spot(oracle, oracle.classifier.class_names[class_of[k]])
        tally = list(found.values())[int(peak[:, k, n].argmax())]
        sources = [_Spot(feed, n, NodeKind.MEDIATOR) for feed in feeds]
        for source in sources or [_input_spot(oracle, layer, n)]:
            yield source, target, tally.edge(source.name, target.name, (k, n), known)


def _input_spot(oracle: ParameterOracle, layer: ParameterLayer, n: int) -> _Spot:
    if layer is oracle.space.layers[0]:
        return _Spot("image", n, NodeKind.IMAGE)
    return _Spot(f"into {layer.name}", n, NodeKind.MEDIATOR)
