"""The discoverer `glance-paper`: the four steps of GLANCE as they are printed in the paper."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import networkx as nx
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from causalxai.capabilities import Capability
from causalxai.graph import CausalGraph, Edge, Node
from causalxai.graph_discoverer import DiscovererConfig, DiscoveryInputs, GraphDiscoverer
from causalxai.outline import Outline
from causalxai.seeding import numpy_generator
from causalxai_glance.concepts import constrained, named_concepts
from causalxai_glance.effects import SIGNS, Concepts, together
from causalxai_glance.latent_space import LatentSpace

Values = NDArray[np.float64]
Estimator = Literal["ratio-of-means", "mean-of-ratios"]

# A ratio whose denominator, the change of the cause, is smaller than this is meaningless.
_STILL = 1e-3


@dataclass(frozen=True)
class Trials:
    """The readings that the four steps use, in units of the concepts: sds, or 1 for boolean ones.

    Parameters
    ----------
    moved
        ``[n, 2, k, k]``: the reading of concept j after do(l_i ± 1), minus its reading without an
        intervention. A boolean concept is set to 1 and to 0 instead.
    controlled
        ``[n, 2, k, k, k]``, indexed by unit, sign, i, j and m: the reading of m when j alone is set
        to its reading after do(l_i ± 1), minus the reading of m after do(l_i ± 1).
    """

    moved: Values
    controlled: Values

    def resample(self, rows: NDArray[np.int64]) -> Trials:
        """Return the trials of some of the units."""
        return Trials(self.moved[rows], self.controlled[rows])


class PaperDiscoverer(GraphDiscoverer):
    """Finds edges by do(l_i ± 1), re-extraction, controlled intervention and a threshold [1]_.

    Edge weights decide the direction, which has little meaning: a generator that was trained on
    observational data alone moves along the data manifold when one latent is set, so that ``EW(i,
    j) EW(j, i)`` is near 1 and every relation appears in both directions. The annotations of each
    edge and the report state this product.

    References
    ----------
    .. [1] Kori, Glocker, Toni, "GLANCE: Global to local architecture-neutral concept-based
       explanations", arXiv 2207.01917, section 3.3, equations 2 and 3.
    """

    requires = frozenset({Capability.ORACLE, Capability.READBACK, Capability.OBSERVATIONS})
    space_kind = LatentSpace

    class Config(DiscovererConfig):
        """Settings.

        Parameters
        ----------
        threshold
            T of equation 3.
        tolerance
            An edge i → m is spurious if setting j alone explains the change of m up to this share.
        estimator
            ``mean-of-ratios`` is equation 2 as printed, which is heavy-tailed.
        units
            The number of test images that are used.
        repeats
            The number of bootstrap resamples of the units.
        """

        threshold: PositiveFloat = 0.2
        tolerance: PositiveFloat = Field(0.25, le=1)
        estimator: Estimator = "ratio-of-means"
        units: PositiveInt = 200
        repeats: NonNegativeInt = 100

    config: Config

    def check_outline(self, outline: Outline) -> None:
        """Check that ``background`` fits the concepts."""
        self.config.background.among(outline.concept_names)

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        names, concepts = named_concepts(inputs, self.config.units)
        trials = run_trials(concepts)
        weights = paper_weights(trials.moved, self.config.estimator)
        _, barred = self.config.background.among(names)
        edges = self.edges(trials, barred)
        rng = numpy_generator(inputs.rng)
        n = len(concepts.units)
        found = [self.edges(trials.resample(rng.integers(n, size=n)), barred)
                 for _ in range(self.config.repeats)]  # fmt: skip
        kept = constrained(edges, names, self.config.background, weights)
        own = own_effects(trials.moved, concepts.span)
        nodes = [
            Node(name, annotations={"own_effect": float(effect)})
            for name, effect in zip(names, own, strict=True)
        ]
        return CausalGraph(
            nodes,
            [
                Edge(
                    names[i],
                    names[j],
                    weight=float(weights[i, j]),
                    frequency=float(np.mean([(i, j) in other for other in found]))
                    if found
                    else None,
                    annotations={
                        "reverse_weight": float(weights[j, i]),
                        "product": float(weights[i, j] * weights[j, i]),
                    },
                )
                for i, j in sorted(kept)
            ],
            annotations={
                "method": "glance-paper",
                "threshold": self.config.threshold,
                "estimator": self.config.estimator,
                "units": n,
            },
        )

    def edges(
        self, trials: Trials, barred: Collection[tuple[int, int]] = ()
    ) -> frozenset[tuple[int, int]]:
        """Return the edges (i, j) that remain after steps 2 to 4, without the ``barred`` ones.

        Directions are chosen before mediators are sought. Where every relation appears in both
        directions, each of three concepts would mediate the relation of the other two, and no edge
        would remain.
        """
        weights = paper_weights(trials.moved, self.config.estimator)
        k = len(weights)
        related = {
            (i, j)
            for i in range(k)
            for j in range(k)
            if i != j and (i, j) not in barred and abs(weights[i, j]) > self.config.threshold
        }
        directed = {
            (i, j)
            for i, j in related
            if (j, i) not in related or abs(weights[i, j]) >= abs(weights[j, i])
        }
        ordered = _without_loops(directed, weights)
        return frozenset(pair for pair in ordered if not self._explained(pair, ordered, trials))

    def _explained(
        self, pair: tuple[int, int], ordered: frozenset[tuple[int, int]], trials: Trials
    ) -> bool:
        """Return whether some j between i and m accounts for the whole change of m (step 3)."""
        i, m = pair
        signs = np.array(SIGNS)[None]
        change = float((trials.moved[:, :, i, m] * signs).mean())
        for j in range(trials.moved.shape[2]):
            if (i, j) not in ordered or (j, m) not in ordered:
                continue
            left = float((trials.controlled[:, :, i, j, m] * signs).mean())
            if abs(left) < self.config.tolerance * abs(change):
                return True
        return False


def run_trials(concepts: Concepts) -> Trials:
    """Query the oracle for steps 1 to 3, with all concepts, signs and controls in two queries."""
    k, n = concepts.count, len(concepts.units)
    first = [concepts.do(i, sign) for i in range(k) for sign in SIGNS]
    moved = concepts.readback(together(first))
    seen = moved * concepts.unit + concepts.own
    second, places = [], []
    for row in range(len(first)):
        for j in range(k):
            settings = concepts.own.clone()
            settings[:, j] = seen[row][:, j]
            second.append((torch.arange(k), settings))
            places.append((row, j))
    again = concepts.readback(together(second))
    controlled = torch.zeros(len(SIGNS) * k, k, n, k, dtype=again.dtype)
    for (row, j), change in zip(places, again, strict=True):
        controlled[row, j] = (change - moved[row]).cpu()
    by_unit = moved.unflatten(0, (k, len(SIGNS))).permute(2, 1, 0, 3)
    controls = controlled.unflatten(0, (k, len(SIGNS))).permute(3, 1, 0, 2, 4)
    return Trials(by_unit.cpu().double().numpy(), controls.double().numpy())


def paper_weights(moved: Values, estimator: Estimator) -> Values:
    """Return EW ``[k, k]`` (equation 2) of changes ``[n, 2, k, k]``."""
    own = np.einsum("nsii->nsi", moved)[..., None]
    if estimator == "mean-of-ratios":
        safe = np.where(np.abs(own) > _STILL, own, np.copysign(_STILL, own))
        return np.asarray((moved / safe).mean(axis=(0, 1)))
    signs = np.array(SIGNS)[None, :, None, None]
    caused, cause = (moved * signs).mean(axis=(0, 1)), (own * signs).mean(axis=(0, 1))
    safe = np.where(np.abs(cause) > _STILL, cause, np.copysign(_STILL, cause))
    return np.asarray(caused / safe)


def own_effects(moved: Values, span: Values | float = 2.0) -> Values:
    """Return ``[k]``: the change of each concept's reading for one unit of its own do().

    ``span`` is the distance between do(up) and do(down) in units.
    """
    signs = np.array(SIGNS)[None, :, None]
    effects: Values = (np.einsum("nsii->nsi", moved) * signs).sum(axis=1).mean(axis=0) / span
    return effects


def _without_loops(edges: set[tuple[int, int]], weights: Values) -> frozenset[tuple[int, int]]:
    """Remove the weakest edge of every cycle."""
    graph = nx.DiGraph(sorted(edges))
    while not nx.is_directed_acyclic_graph(graph):
        cycle = nx.find_cycle(graph)
        graph.remove_edge(*min(cycle, key=lambda edge: abs(weights[edge])))
    return frozenset(graph.edges)
