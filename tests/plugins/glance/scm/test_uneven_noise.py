from __future__ import annotations

import numpy as np
import pytest

from causalxai_glance.scm import MdlScore, Pair, SearchProblem, doubtful_directions, find_graph

NATS = 5.0
Values = np.ndarray


def told(x: Values, graph: frozenset[Pair] | None = None) -> frozenset[Pair]:
    """Return the edges of a graph, by default of the best one, whose direction is not in doubt."""
    score = MdlScore(x)
    problem = SearchProblem(score.d, score)
    graph = find_graph(problem) if graph is None else graph
    return graph - doubtful_directions(problem, score, graph, graph, NATS)


def effect_of(cause: Values, steepness: float, rng: np.random.Generator) -> Values:
    """Return an effect whose noise's spread rises with the cause, if the steepness is not 0."""
    spread = 0.4 * np.exp(steepness * cause)
    return np.asarray(cause + 0.3 * cause**2 + spread * rng.normal(size=len(cause)))


@pytest.mark.parametrize("seed", range(2))
def test_no_wrong_direction_is_told_where_noise_is_uneven(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=1000)
    x = np.stack([cause, effect_of(cause, 0.7, rng)], axis=1)
    assert told(x, frozenset({(1, 0)})) == frozenset()
    assert told(x, frozenset({(0, 1)})) == {(0, 1)}


@pytest.mark.parametrize("seed", range(2))
def test_directions_are_told_where_noise_is_even(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cause = rng.uniform(-2, 2, 1000)
    assert told(np.stack([cause, effect_of(cause, 0.0, rng)], axis=1)) == {(0, 1)}


def test_many_concepts_are_compared_from_the_order_that_was_found() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 6))
    x[:, 1] = effect_of(x[:, 0], 0.7, rng)
    x[:, 3] = np.arctan(2 * rng.uniform(-2, 2, 600))
    x[:, 4] = effect_of(x[:, 3], 0.0, rng)
    assert told(x, frozenset({(1, 0), (3, 4)})) == {(3, 4)}


def test_without_edges_nothing_is_in_doubt() -> None:
    score = MdlScore(np.random.default_rng(0).normal(size=(100, 3)))
    problem = SearchProblem(3, score)
    assert doubtful_directions(problem, score, frozenset(), frozenset(), NATS) == frozenset()
