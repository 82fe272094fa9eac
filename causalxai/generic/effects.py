"""A graph of concepts and classes, from single interventions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Concept, Units, alike
from causalxai.generic.scope import Scope, ScopeConfig, choose
from causalxai.graph import CausalGraph, Edge, Node, NodeKind
from causalxai.graph_discoverer import DiscovererConfig, DiscoveryInputs, GraphDiscoverer
from causalxai.intervals import widened
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle, Want
from causalxai.seeding import numpy_generator
from causalxai.storage.record import Json

Values = NDArray[np.float64]
Pair = tuple[int, int]

_RESAMPLES = 500
_LEAST_OBEDIENCE = 0.5
"""The least own effect, in units of what do() sets, with which a concept counts as obeying.

Rows of the total effects are divided by the own effect: a smaller one would multiply the noise of
the readback, and the inverse of the matrix would spread it over all concepts."""
_CONCEPTS_AT_ONCE = 16


@dataclass(frozen=True)
class Responses:
    """How far things move when each of ``m`` concepts is raised by one unit, in ``n`` units.

    Parameters
    ----------
    concepts
        ``[n, m, m]``: entry [:, i, j] is how far concept j is read to move, in its own unit, when
        i is raised. The identity where nothing is read back.
    logits
        ``[n, m, K]``, how far each class's logit moves.
    """

    concepts: Values
    logits: Values

    def direct(self, rows: NDArray[np.int64] | slice = slice(None)) -> tuple[Values, Values]:
        """Return the mean direct effects of concepts on concepts ``[m, m]`` and logits ``[m, K]``.

        The total effects T of a linear model are (I - A)^-1 with A its direct effects, so that
        A = I - T^-1, and logits that are read from the concepts by B move by T B. Each row of T is
        first taken for one unit of what the concept itself is read to move, where it obeys.
        """
        total, logits = self.concepts[rows].mean(axis=0), self.logits[rows].mean(axis=0)
        own = np.diag(total).copy()
        obeys = np.abs(own) >= _LEAST_OBEDIENCE
        scale = np.where(obeys, own, 1.0)[:, None]
        identity = np.eye(len(total))
        # What does not obey do() tells nothing of the others.
        total = np.where(obeys[:, None], total / scale, identity)
        inverse = np.linalg.pinv(total)
        return identity - inverse, inverse @ (logits / scale)


def responses(
    oracle: Oracle, units: Units, scope: Scope, *, among_concepts: bool = True
) -> Responses:
    """Set each concept higher and lower, and see how far the concepts and the logits move.

    Parameters
    ----------
    oracle
        Any bound oracle; without readback only the logits are looked at.
    units
        ``n`` individuals.
    scope
        The ``m`` concepts. One that no bound lets move has no effect.
    among_concepts
        Whether to look at the concepts, where they are read back.
    """
    reads = among_concepts and Capability.READBACK in oracle.capabilities
    want: tuple[Want, ...] = ("logits", "readback") if reads else ("logits",)
    own = units.values[:, scope.places]
    above, below = own.clone(), own.clone()
    for concept, columns in alike(scope.concepts):
        above[:, columns], below[:, columns] = concept.contrast(own[:, columns])
    scale = torch.tensor([concept.scale or 1.0 for concept in scope.concepts]).to(own)
    distance = ((above - below) / scale).T  # [m, n]
    moved: dict[Want, list[Tensor]] = {name: [] for name in want}
    for some in torch.arange(len(scope.places)).split(_CONCEPTS_AT_ONCE):
        # Rows are concepts, higher ones first: [2 m, n, 1].
        settings = torch.cat([above[:, some], below[:, some]], dim=1).T[..., None]
        done = Intervention.set(scope.places[some].repeat(2)[:, None], settings)
        answer = oracle.query(units, done, want=want)
        span = distance[some][..., None]
        for name in want:
            high, low = answer.answer(name).chunk(2)
            change = torch.where(span > 0, (high - low) / span.where(span > 0, 1.0), 0.0)
            moved[name].append(change.transpose(0, 1).cpu().double())
    logits = torch.cat(moved["logits"], dim=1).numpy()
    if not reads:
        m = len(scope.places)
        return Responses(np.broadcast_to(np.eye(m), (len(units), m, m)), logits)
    columns = torch.cat(moved["readback"], dim=1)[..., scope.places] / scale.cpu().double()
    return Responses(columns.numpy(), logits)


@dataclass(frozen=True)
class _Estimates:
    """An effect for each possible edge, ``[m, m + K]``, concepts before classes."""

    weight: Values
    low: Values
    high: Values
    frequency: Values
    """The share of resamples with the same sign that are large enough to be an edge."""
    strength: Values
    """The effect as a multiple of what it must reach to be an edge; 0 where it is none."""

    @classmethod
    def of(
        cls, found: Responses, needed: Values, share: float, rng: np.random.Generator
    ) -> _Estimates:
        weight = np.concatenate(found.direct(), axis=1)
        m, n = len(weight), len(found.logits)
        needed = needed.copy()
        needed[:, m:] = share * np.abs(weight[:, m:]).max(initial=0.0)
        resamples = np.stack(
            [
                np.concatenate(found.direct(rows), axis=1)
                for rows in rng.integers(n, size=(_RESAMPLES, n))
            ]
        )
        low, high = widened(np.quantile(resamples, (0.025, 0.975), axis=0), weight, n)
        kept = (np.abs(resamples) >= needed) & (np.sign(resamples) == np.sign(weight))
        clear = ((low > 0) | (high < 0)) & (np.abs(weight) >= needed) & (weight != 0)
        strength = np.where(clear, np.abs(weight) / np.where(needed > 0, needed, 1.0), 0.0)
        return cls(weight, low, high, kept.mean(axis=0), strength)


class Effects(GraphDiscoverer):
    """Raises and lowers each concept, and draws what moves: concept → concept → class.

    An edge's weight is a direct effect for one unit of its source: a standard deviation of a
    continuous concept, 1 against 0 for a boolean concept or a parameter. On a concept it is
    measured in the target's unit, from the oracle's readback, where there is any; on a class, on
    its logit. Total effects are measured, and direct ones are solved for as in a linear model (see
    ``Responses.direct``). ``low`` and ``high`` are a bootstrap interval over images, which is
    widened as Student's t is wider than the normal distribution; edges whose interval has a zero in
    it are left out. ``frequency`` is the share of resamples that clear the threshold with the same
    sign.

    The graph is acyclic: edges are taken in the order of their strength, and one that would close
    a cycle is left out and listed in ``annotations["cycles"]``. Background knowledge is kept, and
    known tiers of concepts are as well.

    Notes
    -----
    An edge between concepts says that the readback of its target moves. That is an effect only
    where the readback is clean: one that reads one concept in another shows edges that no
    structural equation has, as for the unnamed latents of a generator that was trained briefly.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})

    class Config(ScopeConfig, DiscovererConfig):
        """Settings, beside ``layers`` and ``most``.

        Parameters
        ----------
        images
            How many test images the oracle is asked about.
        least_effect
            What an effect on a concept must reach to be an edge, in units of both.
        threshold
            Which share of the strongest effect on any logit an effect on a logit must reach.
        among_concepts
            Whether to look for edges between concepts. Concepts that cannot cause one another, such
            as those of one layer of a network, have none: what is read to move is then only that
            reading one mixes it with another.
        """

        most: PositiveInt = 32
        images: int = Field(default=100, ge=2)
        least_effect: NonNegativeFloat = 0.1
        threshold: float = Field(default=0.1, ge=0, le=1)
        among_concepts: bool = True

    config: Config

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        oracle, images = inputs.need_oracle(), inputs.dataset.test.images
        rows = torch.randperm(len(images), generator=inputs.rng)[: self.config.images]
        chosen = images[rows]
        units = oracle.space.encode(chosen)
        target = inputs.classifier.predict(chosen)
        scope = choose(oracle, units, target, self.config)
        class_names = inputs.classifier.class_names
        classes = _class_nodes(class_names, scope.names)
        nodes = [*scope.names, *classes]
        required, forbidden = self.config.background.among(nodes)
        found = responses(oracle, units, scope, among_concepts=self.config.among_concepts)
        m = len(scope.concepts)
        needed = np.full((m, len(nodes)), self.config.least_effect)
        rng = numpy_generator(inputs.rng)
        estimates = _Estimates.of(found, needed, self.config.threshold, rng)
        barred = forbidden | _against_tiers(scope.concepts)
        pairs, cycles = _acyclic(estimates.strength, required, barred)
        closing: list[Json] = [[nodes[i], nodes[j]] for i, j in cycles]
        return CausalGraph(
            [
                *(_node(concept) for concept in scope.concepts),
                *(
                    Node(node, NodeKind.CLASS, label=name, tier=1)
                    for node, name in zip(classes, class_names, strict=True)
                ),
            ],
            _edges(pairs, nodes, estimates),
            annotations={
                "images": len(rows),
                **scope.summary(),
                **({"cycles": closing} if closing else {}),
            },
        )


def _class_nodes(class_names: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Return the names of the classes' nodes, of which none is a concept's name."""
    nodes = []
    for name in class_names:
        node = f"class {name}"
        while node in taken:
            node += " (predicted)"
        nodes.append(node)
    return nodes


def _node(concept: Concept) -> Node:
    kind = NodeKind.CONCEPT if concept.is_measured else NodeKind.PARAMETER
    return Node(concept.name, kind, tier=0)


def _against_tiers(concepts: tuple[Concept, ...]) -> frozenset[Pair]:
    """Return the edges that would lead from a higher tier of concepts to a lower one."""
    tiers = [concept.tier for concept in concepts]
    known = [(place, tier) for place, tier in enumerate(tiers) if tier is not None]
    return frozenset((i, j) for i, a in known for j, b in known if a > b)


def _acyclic(
    strength: Values, required: frozenset[Pair], barred: frozenset[Pair]
) -> tuple[list[Pair], list[Pair]]:
    """Return the edges, strongest first after those required, and those that close a cycle."""
    # What is required from a class is left to the template, which says that it is missing.
    m = len(strength)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(strength.shape[1]))
    graph.add_edges_from(pair for pair in sorted(required) if pair[0] < m)
    cycles = []
    for flat in np.argsort(-strength, axis=None, kind="stable"):
        i, j = (int(place) for place in np.unravel_index(flat, strength.shape))
        if strength[i, j] == 0:
            break
        if i == j or (i, j) in barred or graph.has_edge(i, j):
            continue
        if nx.has_path(graph, j, i):
            cycles.append((i, j))
        else:
            graph.add_edge(i, j)
    return sorted(graph.edges), cycles


def _edges(pairs: list[Pair], nodes: list[str], found: _Estimates) -> Iterator[Edge]:
    for i, j in pairs:
        yield Edge(
            nodes[i],
            nodes[j],
            weight=float(found.weight[i, j]),
            frequency=float(found.frequency[i, j]),
            low=float(found.low[i, j]),
            high=float(found.high[i, j]),
        )
