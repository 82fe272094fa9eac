"""The causal model of attributes: each is binary, with log-odds that depend on its causes."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from causalxai.graph import CausalGraph
from causalxai_datasets.cartoon_faces.attributes import ATTRIBUTES, Attribute

# Bounds in log-odds for the search of the intercept that balances a class.
_WIDEST = 40.0


@dataclass(frozen=True)
class AttributeOdds:
    """The log-odds of an attribute, given its causes.

    Parameters
    ----------
    base
        The log-odds where no cause is present.
    effects
        What each cause adds to the log-odds where it is present.
    """

    base: float = 0.0
    effects: Mapping[Attribute, float] = field(default_factory=dict)


@dataclass(frozen=True)
class AttributeModel:
    """A causal model of all attributes, which are independent given their causes.

    Parameters
    ----------
    table
        The odds of each attribute, given its causes; without a cycle.
    """

    table: Mapping[Attribute, AttributeOdds]

    @cached_property
    def graph(self) -> CausalGraph:
        """The causal graph over all attributes, in the order of ``ATTRIBUTES``."""
        pairs = [(cause, name) for name in ATTRIBUTES for cause in self.table[name].effects]
        return CausalGraph(ATTRIBUTES, pairs)

    @cached_property
    def order(self) -> tuple[Attribute, ...]:
        """The attributes, causes first."""
        return tuple(sorted(ATTRIBUTES, key=self.graph.order().index))

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Draw the attributes of ``n`` faces.

        Returns
        -------
        ndarray
            ``[n, 11]``, in the order of ``ATTRIBUTES``.
        """
        return self.follow(draw_noise(n, rng))

    def follow(self, noise: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the attributes ``[n, 11]`` that follow from the noise ``[n, 11]`` of faces."""
        values = np.zeros(noise.shape, dtype=bool)
        for name in self.order:
            column = ATTRIBUTES.index(name)
            values[:, column] = self.attribute(name, values, noise[:, column])
        return values

    def attribute(
        self, name: Attribute, values: NDArray[np.bool_], noise: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return whether faces have an attribute.

        Parameters
        ----------
        name
            The attribute.
        values
            ``[..., 11]``, of which its causes are used.
        noise
            ``[...]`` in [0, 1), the attribute's noise.
        """
        has: NDArray[np.bool_] = noise < self._chance(name, values)
        return has

    def probability_of(self, name: Attribute) -> float:
        """Return the exact probability of an attribute, by a sum over all 2048 kinds of faces."""
        kinds = np.array(list(itertools.product((False, True), repeat=len(ATTRIBUTES))))
        probability = np.ones(len(kinds))
        for column, other in enumerate(ATTRIBUTES):
            chance = self._chance(other, kinds)
            probability *= np.where(kinds[:, column], chance, 1 - chance)
        return float(probability[kinds[:, ATTRIBUTES.index(name)]].sum())

    def balanced(self, name: Attribute) -> AttributeModel:
        """Return the model with the base of one attribute set so that half of all faces have it.

        Its causes and their effects on its log-odds are not changed.
        """
        odds = self.table[name]

        def excess(base: float) -> float:
            return self._with({name: replace(odds, base=base)}).probability_of(name) - 0.5

        return self._with({name: replace(odds, base=brentq(excess, -_WIDEST, _WIDEST))})

    def biased(self, task: Attribute, attribute: Attribute, share: float) -> AttributeModel:
        """Return the model in which ``P(task | attribute) = share = 1 - P(task | not attribute)``.

        Half of all faces then have each of the two. Their odds are replaced, and all others are
        kept: the attribute becomes a fair coin without causes, and it becomes the task's only
        cause. If there is a directed path from the task to the attribute, their roles are
        exchanged, with the same joint distribution.

        Parameters
        ----------
        task, attribute
            Two attributes.
        share
            In (0, 1). With one half the two are independent, and there is no edge.
        """
        first, second = attribute, task
        if nx.has_path(self.graph.to_networkx(), task, attribute):
            first, second = task, attribute
        odds = float(logit(share))
        effects = {first: 2 * odds} if odds else {}
        return self._with({first: AttributeOdds(), second: AttributeOdds(-odds, effects)})

    def _with(self, changes: Mapping[Attribute, AttributeOdds]) -> AttributeModel:
        return AttributeModel({**self.table, **changes})

    def _chance(self, name: Attribute, values: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the probability of an attribute for each row of ``values``."""
        given = self.table[name]
        odds = np.full(values.shape[:-1], given.base)
        for cause, effect in given.effects.items():
            odds += effect * values[..., ATTRIBUTES.index(cause)]
        chance: NDArray[np.float64] = expit(odds)
        return chance


def draw_noise(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return ``[n, 11]``, the noise of the attributes of ``n`` faces, uniform in [0, 1).

    Each attribute has its own random stream, so that changing the odds of one leaves the others'
    draws as they are.
    """
    return np.stack([stream.random(n) for stream in rng.spawn(len(ATTRIBUTES))], axis=1)


def projected(graph: CausalGraph, nodes: Collection[str]) -> CausalGraph:
    """Return the graph over some nodes: a → b if there is a path through omitted nodes only.

    An omitted common cause of two nodes adds no edge between them.

    Parameters
    ----------
    graph
        The whole graph.
    nodes
        The nodes to keep, in their order.
    """
    digraph = graph.to_networkx()
    pairs = []
    for cause in nodes:
        beside = digraph.subgraph([cause, *(node for node in digraph if node not in nodes)])
        reached = set(nx.descendants(beside, cause)) | {cause}
        effects = {effect for node in reached for effect in digraph.successors(node)}
        pairs += [(cause, effect) for effect in nodes if effect in effects]
    return CausalGraph(tuple(nodes), pairs)


ATTRIBUTE_MODEL = AttributeModel(
    {
        "male": AttributeOdds(0.0),
        "young": AttributeOdds(0.4),
        "straight hair": AttributeOdds(0.0),
        "smiling": AttributeOdds(0.0),
        "wavy hair": AttributeOdds(2.0, {"male": -2.4, "straight hair": -2.8}),
        "beard": AttributeOdds(-2.4, {"male": 4.2, "young": -2.2}),
        "moustache": AttributeOdds(-3.4, {"male": 3.0, "beard": 2.4}),
        "heavy make-up": AttributeOdds(-0.6, {"male": -3.4, "young": 2.2}),
        "lipstick": AttributeOdds(-1.0, {"male": -2.4, "heavy make-up": 3.2}),
        "high cheekbones": AttributeOdds(-1.3, {"smiling": 2.8}),
        "open mouth": AttributeOdds(-1.3, {"smiling": 2.8}),
    }
)
"""The model of faces without a planted bias."""

FAIR = AttributeModel({name: AttributeOdds() for name in ATTRIBUTES})
"""The model in which all attributes are independent fair coins."""
