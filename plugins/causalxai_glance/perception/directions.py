"""Directions: the edges between concepts that their readings hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt

from causalxai.plugin import PluginConfig
from causalxai_glance.perception.instrument import Values
from causalxai_glance.perception.perception import Perception
from causalxai_glance.perception.simex import ReadingErrors, SimexScore
from causalxai_glance.scm import MdlScore, exact_search

Pair = tuple[int, int]
LocalScore = Callable[[int, frozenset[int]], float]

_DEGREE = 3


class DirectionConfig(PluginConfig):
    """How edges are found in readings.

    Parameters
    ----------
    least_r2, most_cross_talk
        A concept that the instrument reads worse than this gets no edge.
    links
        Whether effects may be squashed into a range, after noise as before it.
    extrapolate
        From how many concepts on the readings' errors are extrapolated away.
    draws
        How many times each amount of error is added for it.
    least_gain
        An edge that adds less than this to its effect's R² is given up.
    """

    least_r2: float = Field(0.9, ge=0, le=1)
    most_cross_talk: float = Field(0.05, ge=0)
    links: bool = True
    extrapolate: int = Field(3, ge=2)
    draws: PositiveInt = 4
    least_gain: float = Field(0.01, ge=0)


@dataclass(frozen=True)
class Constraints:
    """Edges that must be and edges that can't be, by the concepts' numbers."""

    required: frozenset[Pair] = frozenset()
    forbidden: frozenset[Pair] = frozenset()


def find_edges(
    perception: Perception,
    *,
    rng: np.random.Generator,
    config: DirectionConfig | None = None,
    constraints: Constraints | None = None,
) -> frozenset[Pair]:
    """Return the edges that the readings hold, ``(i, j)`` for i → j.

    Concepts that are not read well enough get no edge but those that are required.

    Parameters
    ----------
    perception
        Or some rows of it, or its ``control``.
    rng
        Draws the errors that are added.
    config
        How; the defaults, unless given.
    constraints
        What is known beforehand.
    """
    config = DirectionConfig() if config is None else config
    known = Constraints() if constraints is None else constraints
    d = len(perception.names)
    fit = legible(perception, config)
    unread = frozenset(
        (i, j) for i in range(d) for j in range(d) if i != j and not {i, j} <= set(fit)
    )
    if len(fit) < 2:
        return known.required
    score = _Among(_score(perception, fit, config, rng), fit)
    forbidden = (known.forbidden | unread) - known.required
    found = exact_search(d, score, required=known.required, forbidden=forbidden)
    return _pruned(found, perception, config, known.required, rng)


def legible(perception: Perception, config: DirectionConfig) -> list[int]:
    """Return the concepts that are read well enough to speak of their directions."""
    fit = perception.instrument.is_fit(
        most_cross_talk=config.most_cross_talk, least_r2=config.least_r2
    )
    return [int(j) for j in np.flatnonzero(fit & (perception.values.std(axis=0) > 0))]


def _score(
    perception: Perception, fit: list[int], config: DirectionConfig, rng: np.random.Generator
) -> LocalScore:
    values = perception.values[:, fit]
    if len(fit) < config.extrapolate:
        return MdlScore(values, links=config.links)
    errors = ReadingErrors(perception.references[:, fit], perception.instrument.residuals[:, fit])
    return SimexScore(values, errors, rng=rng, draws=config.draws, links=config.links)


@dataclass(frozen=True)
class _Among:
    """A score of some of the concepts; the others cost nothing and tell nothing."""

    score: LocalScore
    fit: list[int]

    def __call__(self, child: int, parents: frozenset[int]) -> float:
        if child not in self.fit:
            return 0.0
        told = frozenset(self.fit.index(parent) for parent in parents if parent in self.fit)
        return self.score(self.fit.index(child), told)


def _pruned(
    edges: Iterable[Pair],
    perception: Perception,
    config: DirectionConfig,
    required: frozenset[Pair],
    rng: np.random.Generator,
) -> frozenset[Pair]:
    """Give up edges that explain no more than errors in the other parents' readings would."""
    kept = set(edges)
    errors = ReadingErrors(perception.references, perception.instrument.residuals)
    choices = errors.choices(perception.values)
    noisy = perception.values + errors.draw(choices, 1.0, rng)
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
    *,
    rng: np.random.Generator,
    resamples: NonNegativeInt = 20,
    config: DirectionConfig | None = None,
    constraints: Constraints | None = None,
) -> dict[Pair, float]:
    """Return the share of random halves of the images in which each edge is found.

    Halves without replacement: images that stand twice would look like more evidence.
    """
    counts: dict[Pair, int] = {}
    n = len(perception.values)
    for _ in range(resamples):
        half = perception[rng.permutation(n)[: max(n // 2, 1)]]
        for edge in find_edges(half, rng=rng, config=config, constraints=constraints):
            counts[edge] = counts.get(edge, 0) + 1
    return {edge: count / resamples for edge, count in sorted(counts.items())}
