from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from causalxai.errors import DataError
from causalxai_glance.scm import (
    MdlScore,
    Pair,
    exact_search,
    margin,
    order_margin,
    order_search,
    total,
)
from causalxai_glance.scm.search import LocalScore

Graph = frozenset[Pair]


def random_score(seed: int) -> LocalScore:
    known: dict[tuple[int, frozenset[int]], float] = {}
    rng = np.random.default_rng(seed)

    def score(child: int, parents: frozenset[int]) -> float:
        return known.setdefault((child, parents), float(rng.normal()))

    return score


def random_graph(d: int, edges: int, rng: np.random.Generator) -> Graph:
    order = rng.permutation(d)
    pairs = [*combinations(range(d), 2)]
    chosen = rng.permutation(len(pairs))[:edges]
    return frozenset((int(order[pairs[k][0]]), int(order[pairs[k][1]])) for k in chosen)


def additive(truth: Graph, d: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw columns in which each effect is a sum of arctangents and uniform noise."""
    x = rng.uniform(-1.7, 1.7, size=(n, d))
    done: set[int] = set()
    while len(done) < d:
        for j in set(range(d)) - done:
            causes = [i for i, to in sorted(truth) if to == j]
            if set(causes) <= done:
                bends = sum(np.arctan(2 * x[:, i] / x[:, i].std()) for i in causes)
                x[:, j] = bends + x[:, j] * (0.5 if causes else 1.0)
                done.add(j)
    return x


def normal_bic(x: np.ndarray) -> LocalScore:
    """Return the BIC of linear normal equations, from the covariance alone."""
    n, covariance = len(x), np.cov(x.T)

    def score(child: int, parents: frozenset[int]) -> float:
        own = sorted(parents)
        left = covariance[child, child]
        if own:
            across = covariance[own, child]
            left = left - across @ np.linalg.solve(covariance[np.ix_(own, own)], across)
        return float(0.5 * n * np.log(left) + 0.5 * (len(own) + 1) * np.log(n))

    return score


@pytest.mark.parametrize("seed", range(2))
def test_the_exact_search_finds_the_same_graph_of_additive_models(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = random_graph(5, 6, rng)
    score = MdlScore(additive(truth, 5, 600, rng))
    found, best = order_search(5, score), exact_search(5, score)
    assert found == best == truth
    near, least = order_margin(5, score), margin(5, score)
    assert near.keys() == least.keys()
    for pair, worth in least.items():
        assert near[pair].absent >= worth.absent - 1e-6
        assert near[pair].reversed >= worth.reversed - 1e-6


@pytest.mark.parametrize("seed", range(10))
def test_a_graph_is_never_better_than_the_best_one(seed: int) -> None:
    score = random_score(seed)
    found = order_search(4, score)
    assert total(found, score, 4) >= total(exact_search(4, score), score, 4) - 1e-9


def test_many_nodes_are_ordered() -> None:
    rng = np.random.default_rng(0)
    truth = random_graph(20, 24, rng)
    x = rng.normal(size=(4000, 20))
    weights = np.zeros((20, 20))
    for i, j in truth:
        weights[i, j] = rng.choice([-1, 1]) * rng.uniform(0.5, 1)
    score = normal_bic(x @ np.linalg.inv(np.eye(20) - weights))
    found = order_search(20, score)
    assert total(found, score, 20) <= total(truth, score, 20)
    skeleton, true = ({frozenset(pair) for pair in edges} for edges in (found, truth))
    assert true <= skeleton


def test_the_order_of_columns_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    x = additive(random_graph(4, 4, rng), 4, 300, rng)
    order = [2, 0, 3, 1]
    shuffled = order_search(4, MdlScore(x[:, order]))
    assert {(order[i], order[j]) for i, j in shuffled} == order_search(4, MdlScore(x))


def test_the_search_can_start_from_a_graph() -> None:
    rng = np.random.default_rng(0)
    truth = frozenset({(2, 0), (0, 1), (1, 3)})
    score = normal_bic(additive(truth, 4, 500, rng))
    calls = []

    def watched(child: int, parents: frozenset[int]) -> float:
        calls.append((child, parents))
        return score(child, parents)

    found = order_search(4, watched, start=truth)
    assert total(found, score, 4) <= total(truth, score, 4)
    started = len(calls)
    calls.clear()
    assert order_search(4, watched) is not None
    assert len(set(calls)) == len(calls) >= started


def test_constraints_hold() -> None:
    rng = np.random.default_rng(3)
    score = normal_bic(additive(frozenset({(0, 1), (1, 2), (2, 3)}), 4, 500, rng))
    found = order_search(4, score, required=[(3, 2)], forbidden=[(0, 1), (1, 0)], max_parents=1)
    assert (3, 2) in found
    assert not found & {(0, 1), (1, 0)}
    assert all(sum(to == j for _, to in found) <= 1 for j in range(4))
    worth = order_margin(4, score, required=[(3, 2)])
    assert worth[3, 2].absent == worth[3, 2].reversed == float("inf")


@pytest.mark.parametrize(
    ("knowledge", "message"),
    [
        ({"required": [(0, 1), (1, 0)]}, "acyclic"),
        ({"required": [(0, 1)], "forbidden": [(0, 1)]}, "both"),
        ({"required": [(0, 3)]}, "not an edge"),
        ({"required": [(0, 2), (1, 2)], "max_parents": 1}, "at most 1"),
    ],
)
def test_impossible_knowledge_is_told(knowledge: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        order_search(3, lambda child, parents: 0.0, **knowledge)  # type: ignore[arg-type]
