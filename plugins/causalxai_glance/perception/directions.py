"""Edges between concepts and their directions, found in readings of the concepts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt

from causalxai.plugin import PluginConfig
from causalxai_glance.edge_evidence import UNDETERMINED
from causalxai_glance.perception.climbing import (
    Graph,
    GraphScore,
    climb,
    complete_graphs,
    is_acyclic,
)
from causalxai_glance.perception.convolved import ConvolvedScore
from causalxai_glance.perception.measurement_model import Values
from causalxai_glance.perception.perception import Perception
from causalxai_glance.scm import Pair, PartialScore, SearchProblem, find_graph, find_margins

_DEGREE = 3
# With more concepts than this, there are too many orders to start a search from each.
_MOST_ORDERED = 4
_STARTS = 3


class DirectionConfig(PluginConfig):
    """Settings of how edges are found in readings.

    Parameters
    ----------
    least_r2, most_cross_talk
        A concept with a lower R², or with more cross-talk, gets no edge.
    links
        With two concepts: whether effects may have links, which limit them to a range.
    convolve_from
        The number of concepts from which on the graph is searched under models that are convolved
        with the measurement errors. With fewer, links are allowed instead, and the convolved models
        only confirm directions.
    draws
        The number of measurement errors that are drawn for each reading.
    least_gain
        An edge that adds less than this to the R² of its effect is removed.
    """

    least_r2: float = Field(0.9, ge=0, le=1)
    most_cross_talk: float = Field(0.05, ge=0)
    links: bool = True
    convolve_from: int = Field(3, ge=2)
    draws: PositiveInt = 40
    least_gain: float = Field(0.01, ge=0)


@dataclass(frozen=True)
class Constraints:
    """Required and forbidden edges, by the indices of the concepts."""

    required: frozenset[Pair] = frozenset()
    forbidden: frozenset[Pair] = frozenset()

    def without(self, joined: frozenset[Pair]) -> Constraints:
        """Return the same with no edge between these pairs, either way, unless it is required."""
        barred = joined | {(j, i) for i, j in joined}
        return Constraints(self.required, self.forbidden | (barred - self.required))


class Directions:
    """The edges in readings, ``(i, j)`` for i → j, and those whose direction is determined.

    Parameters
    ----------
    perception
        The readings, some rows of them, or their ``control``.
    rng
        Draws the measurement errors.
    config
        Settings; by default those of the class.
    constraints
        Background knowledge.
    """

    def __init__(
        self,
        perception: Perception,
        *,
        rng: np.random.Generator,
        config: DirectionConfig | None = None,
        constraints: Constraints | None = None,
    ) -> None:
        self._perception, self._rng = perception, rng
        self._config = DirectionConfig() if config is None else config
        self._known = Constraints() if constraints is None else constraints
        self._fit = legible(perception, self._config)
        self._few = len(self._fit) < self._config.convolve_from

    @cached_property
    def _plain(self) -> _Plain:
        return _Plain(self._perception, self._fit, self._config.links, self._known)

    @cached_property
    def _convolved(self) -> _Convolved:
        return _Convolved(self._perception, self._fit, self._config.draws, self._known, self._rng)

    def edges(self, start: frozenset[Pair] | None = None) -> frozenset[Pair]:
        """Return the edges; concepts that are not read well have only required edges.

        Parameters
        ----------
        start
            The initial graph of a search that is not exhaustive; by default it starts from many
            graphs.
        """
        if len(self._fit) < 2:
            return self._known.required
        found = self._plain.search() if self._few else self._convolved.search(start)
        return _pruned(found, self._perception, self._config, self._known.required, self._rng)

    def oriented(self, edges: frozenset[Pair]) -> frozenset[Pair]:
        """Return the edges whose direction is determined.

        The direction of an edge is determined if the best graph with the edge reversed costs at
        least 5 nats more under the models that are convolved with the measurement errors; with two
        concepts, also under the models with which the edge was found. Edges that background
        knowledge orients are included.
        """
        known = self._known
        oriented = {
            (i, j) for i, j in edges if (i, j) in known.required or (j, i) in known.forbidden
        }
        if len(self._fit) < 2:
            return frozenset(oriented)
        for pair in sorted(edges - oriented):
            nats = self._convolved.reversal(edges, pair)
            if self._few:
                nats = min(nats, self._plain.reversal(pair))
            if nats >= UNDETERMINED:
                oriented.add(pair)
        return frozenset(oriented)


def find_edges(
    perception: Perception,
    *,
    rng: np.random.Generator,
    config: DirectionConfig | None = None,
    constraints: Constraints | None = None,
    start: frozenset[Pair] | None = None,
) -> frozenset[Pair]:
    """Return the edges of ``Directions`` in one call."""
    return Directions(perception, rng=rng, config=config, constraints=constraints).edges(start)


def legible(perception: Perception, config: DirectionConfig) -> list[int]:
    """Return the concepts that are read well enough to determine directions."""
    fit = perception.measurement_model.is_fit(
        most_cross_talk=config.most_cross_talk, least_r2=config.least_r2
    )
    return [int(j) for j in np.flatnonzero(fit & (perception.values.std(axis=0) > 0))]


class _Plain:
    """A search that treats readings as the concepts themselves."""

    def __init__(
        self, perception: Perception, fit: list[int], links: bool, known: Constraints
    ) -> None:
        score = PartialScore(perception.values, links=links, among=fit)
        forbidden = (known.forbidden | score.forbidden) - known.required
        self._problem = SearchProblem(score.d, score, known.required, forbidden)

    def search(self) -> frozenset[Pair]:
        return find_graph(self._problem)

    def reversal(self, pair: Pair) -> float:
        """Return the additional nats of the best graph with an edge reversed."""
        found = find_margins(self._problem)
        return found[pair].reversed if pair in found else 0.0


class _Convolved:
    """A search that accounts for the measurement errors of readings."""

    def __init__(
        self,
        perception: Perception,
        fit: list[int],
        draws: int,
        known: Constraints,
        rng: np.random.Generator,
    ) -> None:
        self._perception, self._fit, self._known = perception, fit, known
        errors = _drawn(perception, draws, rng)
        self._score = ConvolvedScore(perception.values[:, fit], errors[:, :, fit])

    def search(self, start: Graph | None) -> Graph:
        """Return the best graph that hill climbing finds, from one start or from many."""
        known, fit = self._known, self._fit
        if start is not None:
            starts = [start]
        elif len(fit) <= _MOST_ORDERED:
            starts = complete_graphs(fit, required=known.required, forbidden=known.forbidden)
        else:
            starts = [_Plain(self._perception, fit, False, known).search()]
        starts = [edges for edges in starts if is_acyclic(edges)]
        # A part of the readings leads near the best graphs of all readings.
        for score in (level.alone for level in self._score.levels):
            length = self._placed(score)
            best = sorted(starts, key=length)[:_STARTS]
            climbed = [self._climbed(score, edges, known.required) for edges in best]
            starts = list(dict.fromkeys(climbed))
        return min(starts, key=self._placed(self._score))

    def reversal(self, edges: Graph, pair: Pair) -> float:
        """Return the additional nats of the best graph with an edge reversed.

        Where a part of the readings leaves no doubt that they are enough to determine the
        direction, what they are at least is returned.
        """
        i, j = pair
        required = self._known.required | {(j, i)}
        turned = required | (edges - {pair})
        # Without the other edges into j, the reversed edge cannot close a cycle.
        without = required | {edge for edge in edges if edge != pair and edge[1] != j}
        starts = [graph for graph in (turned, without) if is_acyclic(graph)]
        if not starts:
            return float("inf")
        for score in self._score.levels:
            length = self._placed(score)
            starts = [self._climbed(score, start, required) for start in starts]
            nearest = min(starts, key=length)
            if score is not self._score:
                least = score.least_lag(self._inner(nearest), self._inner(edges))
                if least >= UNDETERMINED:
                    return least
        return length(nearest) - length(edges)

    def _inner(self, edges: Graph) -> Graph:
        """Return the edges between concepts that are read well, by their places among these."""
        place = {concept: index for index, concept in enumerate(self._fit)}
        return frozenset((place[i], place[j]) for i, j in edges if {i, j} <= place.keys())

    def _placed(self, score: ConvolvedScore) -> GraphScore:
        return lambda edges: score(self._inner(edges))

    def _climbed(self, score: ConvolvedScore, start: Graph, required: Graph) -> Graph:
        def contenders(best: Graph, rivals: Sequence[Graph]) -> list[Graph]:
            placed = {self._inner(edges): edges for edges in rivals}
            promising = score.promising(self._inner(best), [*placed])
            kept = score.contenders([self._inner(best), *promising])
            return [placed[edges] for edges in kept if edges in placed]

        return climb(
            self._fit,
            self._placed(score),
            start,
            required=required,
            forbidden=self._known.forbidden,
            contenders=contenders,
        )


def _drawn(perception: Perception, draws: int, rng: np.random.Generator) -> Values:
    """Draw joint measurement errors of all concepts, ``[n, draws, m]``."""
    residuals = perception.measurement_model.residuals
    rows = rng.integers(len(residuals), size=(len(perception.values), draws))
    return np.asarray(residuals[rows], dtype=np.float64)


def _pruned(
    edges: Iterable[Pair],
    perception: Perception,
    config: DirectionConfig,
    required: frozenset[Pair],
    rng: np.random.Generator,
) -> frozenset[Pair]:
    """Remove edges that explain no more than errors in the other parents' readings would."""
    kept = set(edges)
    noisy = perception.values + _drawn(perception, 1, rng)[:, 0]
    while True:
        surplus = {}
        for i, j in sorted(kept - required):
            others = [p for p, child in sorted(kept) if child == j and p != i]
            own = perception.values[:, j]
            before = share_given(own, perception.values[:, others])
            gain = share_given(own, perception.values[:, [*others, i]]) - before
            lost = before - share_given(own, noisy[:, others])
            surplus[i, j] = gain - max(config.least_gain, lost)
        weakest = min(surplus, key=surplus.__getitem__, default=None)
        if weakest is None or surplus[weakest] >= 0:
            return frozenset(kept)
        kept.remove(weakest)


def share_given(own: Values, others: Values) -> float:
    """Return R² of one column given the cubic polynomials of others; ``[n]`` and ``[n, k]``."""
    if not others.shape[1]:
        return 0.0
    z = (others - others.mean(axis=0)) / others.std(axis=0)
    powers = [z**degree for degree in range(1, _DEGREE + 1)]
    design = np.column_stack([np.ones(len(own)), *powers])
    left = own - design @ np.linalg.lstsq(design, own, rcond=None)[0]
    return float(1 - left.var() / own.var())


def frequencies(
    perception: Perception,
    edges: frozenset[Pair],
    *,
    rng: np.random.Generator,
    resamples: NonNegativeInt = 10,
    config: DirectionConfig | None = None,
    constraints: Constraints | None = None,
) -> dict[Pair, float]:
    """Return the share of random halves of the images in which each edge is found.

    Halves are drawn without replacement, because repeated images would count as additional
    evidence.

    Parameters
    ----------
    perception, rng, config, constraints
        As for ``find_edges``.
    edges
        The edges found in all images; a search of a half that is not exhaustive starts from them.
    resamples
        The number of halves.
    """
    counts: dict[Pair, int] = {}
    n = len(perception.values)
    for _ in range(resamples):
        half = perception[rng.permutation(n)[: max(n // 2, 1)]]
        found = find_edges(half, rng=rng, config=config, constraints=constraints, start=edges)
        for edge in found:
            counts[edge] = counts.get(edge, 0) + 1
    return {edge: count / resamples for edge, count in sorted(counts.items())}
