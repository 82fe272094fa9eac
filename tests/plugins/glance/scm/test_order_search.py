from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from causalxai.errors import DataError
from causalxai_glance.scm import (
    MdlScore,
    Pair,
    SearchProblem,
    compelled,
    exact_search,
    margin,
    order_margin,
    order_search,
    total,
)
from causalxai_glance.scm.order_search import order_reversal
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


def normal_bic(covariance: np.ndarray, n: int) -> LocalScore:
    """Return the BIC of linear normal equations, from the covariance alone."""

    def score(child: int, parents: frozenset[int]) -> float:
        left = variance_left(covariance, child, sorted(parents))
        return float(0.5 * n * np.log(left) + 0.5 * (len(parents) + 1) * np.log(n))

    return score


def unit_noise(covariance: np.ndarray, n: int) -> LocalScore:
    """Return the length of linear equations whose noise is known to be normal with sd 1.

    Equal variances make the graph identifiable (Peters, Bühlmann, Biometrika 2014).
    """

    def score(child: int, parents: frozenset[int]) -> float:
        left = variance_left(covariance, child, sorted(parents))
        return float(0.5 * n * left + 0.5 * len(parents) * np.log(n))

    return score


def variance_left(covariance: np.ndarray, child: int, parents: list[int]) -> float:
    across = covariance[parents, child]
    explained = across @ np.linalg.solve(covariance[np.ix_(parents, parents)], across)
    return float(covariance[child, child] - explained)


def exact_covariance(truth: Graph, d: int, rng: np.random.Generator) -> np.ndarray:
    """Return that of effects which are weighted sums of their causes and noise of variance 1.

    Searched by a score of it, in place of a sample's, the true graph is the best one for certain.
    """
    weights = np.zeros((d, d))
    for i, j in sorted(truth):
        weights[i, j] = rng.choice([-1, 1]) * rng.uniform(0.5, 1)
    mixing = np.linalg.inv(np.eye(d) - weights)
    return np.asarray(mixing.T @ mixing)


@pytest.mark.parametrize("seed", range(2))
def test_the_exact_search_finds_the_same_graph_of_additive_models(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = random_graph(5, 6, rng)
    score = MdlScore(additive(truth, 5, 600, rng))
    found, best = order_search(SearchProblem(5, score)), exact_search(SearchProblem(5, score))
    assert found == best == truth
    near, least = order_margin(SearchProblem(5, score)), margin(SearchProblem(5, score))
    assert near.keys() == least.keys()
    for pair, worth in least.items():
        assert near[pair].absent >= worth.absent - 1e-6
        assert near[pair].reversed >= worth.reversed - 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_a_reversal_that_costs_enough_may_cost_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = random_graph(7, 10, rng)
    sample = rng.multivariate_normal(np.zeros(7), exact_covariance(truth, 7, rng), size=100)
    problem = SearchProblem(7, normal_bic(np.cov(sample.T), 100))
    graph, other = order_search(problem), unit_noise(np.cov(sample.T), 100)
    whole = order_reversal(problem, graph, graph, other)
    enough = float(np.median([*whole.values()]))
    found = order_reversal(problem, graph, graph, other, enough)
    assert found.keys() == whole.keys() == graph
    for edge, nats in whole.items():
        if nats < enough:
            assert found[edge] == nats
        else:
            assert enough <= found[edge] <= nats + 1e-6


@pytest.mark.parametrize("seed", range(10))
def test_a_graph_is_never_better_than_the_best_one(seed: int) -> None:
    score = random_score(seed)
    found = order_search(SearchProblem(4, score))
    assert total(found, score, 4) >= total(exact_search(SearchProblem(4, score)), score, 4) - 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_few_nodes_are_ordered_as_well_as_by_the_exact_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sample = rng.multivariate_normal(
        np.zeros(7), exact_covariance(random_graph(7, 10, rng), 7, rng), size=300
    )
    problem = SearchProblem(7, unit_noise(np.cov(sample.T), 300))
    assert order_search(problem) == exact_search(problem)


@pytest.mark.parametrize(("d", "edges"), [(20, 24), (20, 50), (40, 60)])
def test_the_true_graph_of_many_nodes_is_found(d: int, edges: int) -> None:
    rng = np.random.default_rng(d)
    truth = random_graph(d, edges, rng)
    score = unit_noise(exact_covariance(truth, d, rng), 1000)
    assert order_search(SearchProblem(d, score)) == truth


@pytest.mark.parametrize("seed", range(3))
def test_the_equivalence_class_of_many_nodes_is_found(seed: int) -> None:
    """The BIC of linear normal equations is the same for all graphs of a class."""
    rng = np.random.default_rng(seed)
    truth = random_graph(20, 24, rng)
    score = normal_bic(exact_covariance(truth, 20, rng), 1000)
    found = order_search(SearchProblem(20, score))
    assert {frozenset(pair) for pair in found} == {frozenset(pair) for pair in truth}
    assert compelled(found) == compelled(truth)


def test_the_order_of_columns_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    x = additive(random_graph(4, 4, rng), 4, 300, rng)
    order = [2, 0, 3, 1]
    shuffled = order_search(SearchProblem(4, MdlScore(x[:, order])))
    assert {(order[i], order[j]) for i, j in shuffled} == order_search(
        SearchProblem(4, MdlScore(x))
    )


def test_the_search_can_start_from_a_graph() -> None:
    rng = np.random.default_rng(0)
    truth = frozenset({(2, 0), (0, 1), (1, 3)})
    score = normal_bic(np.cov(additive(truth, 4, 500, rng).T), 500)
    calls = []

    def watched(child: int, parents: frozenset[int]) -> float:
        calls.append((child, parents))
        return score(child, parents)

    found = order_search(SearchProblem(4, watched), start=truth)
    assert total(found, score, 4) <= total(truth, score, 4)
    started = len(calls)
    calls.clear()
    assert order_search(SearchProblem(4, watched)) is not None
    assert len(set(calls)) == len(calls) >= started


def test_constraints_hold() -> None:
    rng = np.random.default_rng(3)
    x = additive(frozenset({(0, 1), (1, 2), (2, 3)}), 4, 500, rng)
    score = normal_bic(np.cov(x.T), 500)
    found = order_search(
        SearchProblem(
            4,
            score,
            required=frozenset([(3, 2)]),
            forbidden=frozenset([(0, 1), (1, 0)]),
            max_parents=1,
        )
    )
    assert (3, 2) in found
    assert not found & {(0, 1), (1, 0)}
    assert all(sum(to == j for _, to in found) <= 1 for j in range(4))
    worth = order_margin(SearchProblem(4, score, required=frozenset([(3, 2)])))
    assert worth[3, 2].absent == worth[3, 2].reversed == float("inf")


@pytest.mark.parametrize(
    ("knowledge", "message"),
    [
        ({"required": frozenset({(0, 1), (1, 0)})}, "acyclic"),
        ({"required": frozenset({(0, 1)}), "forbidden": frozenset({(0, 1)})}, "both"),
        ({"required": frozenset({(0, 3)})}, "not an edge"),
        ({"required": frozenset({(0, 2), (1, 2)}), "max_parents": 1}, "at most 1"),
    ],
)
def test_impossible_knowledge_is_told(knowledge: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        order_search(SearchProblem(3, lambda child, parents: 0.0, **knowledge))  # type: ignore[arg-type]
