"""The discoverer `perceived`: directions in the classifier's own readings of the concepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import Field, PositiveInt

from causalxai.capabilities import Capability
from causalxai.concept_space import ConceptSpace
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError
from causalxai.graph import CausalGraph, Edge, EdgeKind, Node
from causalxai.graph_discoverer import DiscovererConfig, DiscoveryInputs, GraphDiscoverer
from causalxai.intervention import Intervention
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai.storage.record import Json
from causalxai_glance.perception.directions import (
    Constraints,
    DirectionConfig,
    Directions,
    find_edges,
    frequencies,
    legible,
    share_given,
)
from causalxai_glance.perception.perception import (
    Perception,
    PerceptionConfig,
    observations,
    perceive,
)
from causalxai_glance.scm import Pair, is_boolean

_AT_ONCE = 256


class PerceivedDiscoverer(GraphDiscoverer):
    """Concept → concept edges in calibrated readings of the classifier's features.

    A read-out that is fitted on the data set's own images can read one concept from another,
    because they are correlated. Here, the read-out is learned, calibrated and tested on images
    whose concepts are independent, and then applied to the data set's images. Directions come from
    the distribution of these readings. Concepts that are not read well get no edge. As a control,
    the same search runs on the independent images, where every edge is false.

    Notes
    -----
    The annotations of every node are ``r2``, ``cross_talk``, ``agreement``, ``others_alone`` and,
    where the concept is not read well enough, ``unread``, the reason. ``false_edges`` among the
    graph's own are those that the search finds on the independent images. Pairs that are adjacent
    there get no edge here. Edges whose reverse describes the readings equally well are undirected.
    """

    class Config(DiscovererConfig):
        """Settings.

        Parameters
        ----------
        references
            The source of images with independent concepts: the ``dataset``, or the ``twin``, which
            renders them by do() on all concepts at once. The twin's images are only as good as its
            obedience to do().
        painted
            The number of images that the twin renders.
        perception
            How concepts are read.
        directions
            How edges are found in the readings.
        resamples
            The number of random halves of the images on which the search is repeated, for the
            edges' frequency.
        """

        references: Literal["dataset", "twin"] = "dataset"
        painted: PositiveInt = 10_000
        perception: PerceptionConfig = PerceptionConfig()
        directions: DirectionConfig = DirectionConfig()
        resamples: int = Field(10, ge=0)

    config: Config

    def __init__(self, config: PluginConfig | None = None, /, **settings: object) -> None:
        super().__init__(config, **settings)
        rendered = frozenset({Capability.ORACLE, Capability.IMAGES})
        source = rendered if self._from_twin else frozenset({Capability.REFERENCE})
        self.requires = source | {Capability.OBSERVATIONS}

    def check_outline(self, outline: Outline) -> None:
        """Check that ``background`` fits the concepts."""
        self.config.background.among(outline.concept_names)

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        _check_that_directions_show(inputs.dataset)
        reference = paint_references(inputs, self.config.painted) if self._from_twin else None
        perception = perceive(
            inputs.classifier,
            inputs.dataset,
            rng=inputs.rng,
            config=self.config.perception,
            reference=reference,
            progress=inputs.progress,
        )
        known = Constraints(*self.config.background.among(perception.names))
        rng = numpy_generator(inputs.rng)
        search = self.config.directions
        with inputs.progress.task("find directions", 3) as advance:
            false = find_edges(perception.control(), rng=rng, config=search)
            advance(1)
            known = known.without(false)
            held = Directions(perception, rng=rng, config=search, constraints=known)
            edges = held.edges()
            clear = held.oriented(edges)
            advance(1)
            share = frequencies(
                perception,
                edges,
                rng=rng,
                resamples=self.config.resamples,
                config=search,
                constraints=known,
            )
            advance(1)
        names = perception.names
        return CausalGraph(
            _nodes(perception, self.config.directions),
            _edges(perception, edges, clear, share if self.config.resamples else None),
            annotations={
                "references": self.config.references,
                "images": len(perception.values),
                "reference_images": len(perception.references),
                "resamples": self.config.resamples,
                "false_edges": [[names[i], names[j]] for i, j in sorted(false)],
            },
        )

    @property
    def _from_twin(self) -> bool:
        return self.config.references == "twin"


def _check_that_directions_show(dataset: Dataset) -> None:
    labels = dataset.train.concepts
    if labels is None:
        return
    boolean = [
        name
        for name, column in zip(dataset.concept_names, labels.double().numpy().T, strict=True)
        if is_boolean(column)
    ]
    if boolean:
        raise CapabilityError(
            "perceived directions come from the distribution of readings, and readings of boolean "
            f"concepts ({', '.join(boolean)}) cluster at two values, which do not determine "
            "directions; use the discoverer 'glance', which finds edges in the labels"
        )


def paint_references(inputs: DiscoveryInputs, count: int) -> Split:
    """Let the oracle render images whose concepts are independent.

    Each of the data set's concepts is set to its own values, shuffled among the images.

    Parameters
    ----------
    context
        With an oracle that renders; its concepts include those of the data set.
    count
        The number of images.

    Returns
    -------
    Split
        ``concepts`` are the values that were set, in the concept space's unit; ``groups`` have the
        index of the image of ``observations`` from which each was rendered.

    Raises
    ------
    CapabilityError
        If the oracle does not know one of the data set's concepts.
    """
    oracle = inputs.need_oracle()
    targets = _targets(oracle.space, inputs.dataset.concept_names)
    source = observations(inputs.dataset)
    rows = torch.randperm(len(source), generator=inputs.rng).repeat(1 + count // len(source))
    rows = rows[:count]
    batches = [oracle.space.encode(source.images[some]) for some in rows.split(_AT_ONCE)]
    state = torch.cat([units.values[:, targets].cpu() for units in batches])
    shuffled = [column[torch.randperm(count, generator=inputs.rng)] for column in state.T]
    values = torch.stack(shuffled, dim=1).float()
    images = []
    with inputs.progress.task("paint references", count) as advance:
        for units, drawn in zip(batches, values.split(_AT_ONCE), strict=True):
            action = Intervention.set(targets[None], drawn[None])
            answer = oracle.query(units, action, want=("images",))
            images.append(answer.answer("images")[0].cpu())
            advance(len(units))
    assert source.groups is not None  # `observations` gives every individual a number.
    return Split(torch.cat(images), source.labels[rows], values, values, source.groups[rows])


def _targets(space: ConceptSpace, names: Sequence[str]) -> torch.Tensor:
    known = space.names()
    missing = [name for name in names if name not in known]
    if missing:
        raise CapabilityError(
            f"the oracle cannot set {', '.join(missing)}: the concept space has no such concept"
        )
    return torch.tensor([known.index(name) for name in names])


def _edges(
    perception: Perception,
    edges: frozenset[Pair],
    clear: frozenset[Pair],
    share: Mapping[Pair, float] | None,
) -> list[Edge]:
    """Return the edges with their slope in sd per sd, gain in R², frequency and kind."""
    found = []
    for i, j in sorted(edges):
        parents = sorted(p for p, child in edges if child == j)
        own, others = perception.values[:, j], [p for p in parents if p != i]
        gain = share_given(own, perception.values[:, parents]) - share_given(
            own, perception.values[:, others]
        )
        found.append(
            Edge(
                perception.names[i],
                perception.names[j],
                EdgeKind.DIRECTED if (i, j) in clear else EdgeKind.UNDIRECTED,
                weight=_slope(perception, i, j, parents),
                frequency=None if share is None else share.get((i, j), 0.0),
                annotations={"gain": gain},
            )
        )
    return found


def _slope(perception: Perception, i: int, j: int, parents: list[int]) -> float:
    z = perception.values - perception.values.mean(axis=0)
    sd = z.std(axis=0)
    z = z / np.where(sd > 0, sd, 1)
    return float(np.linalg.lstsq(z[:, parents], z[:, j], rcond=None)[0][parents.index(i)])


def _nodes(perception: Perception, gate: DirectionConfig) -> list[Node]:
    """Return the concepts as nodes, annotated with the quality of their readings."""
    measurement_model, fit = perception.measurement_model, legible(perception, gate)
    nodes = []
    for j, name in enumerate(perception.names):
        r2, cross_talk = float(measurement_model.r2[j]), float(measurement_model.cross_talk[j])
        figures: dict[str, Json] = {
            "r2": r2,
            "cross_talk": cross_talk,
            "agreement": float(perception.agreement[j]),
            "others_alone": float(perception.others[j]),
        }
        if j not in fit:
            figures["unread"] = _reason(r2, cross_talk, gate)
        nodes.append(Node(name, annotations=figures))
    return nodes


def _reason(r2: float, cross_talk: float, gate: DirectionConfig) -> str:
    """Return why a concept gets no edge."""
    if r2 < gate.least_r2:
        return f"R² of {r2:.2f} is below {gate.least_r2:g}"
    if cross_talk > gate.most_cross_talk:
        return f"cross-talk of {cross_talk:.2f} is above {gate.most_cross_talk:g}"
    return "its reading is the same for every image"
