from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from causalxai.errors import CapabilityError, DataError
from causalxai_glance.scm import EdgeMargin, SearchProblem, exact_search, margin, total
from causalxai_glance.scm.search import MOST_NODES, MOST_NODES_LIMITED


def dags(d: int) -> list[frozenset[tuple[int, int]]]:
    pairs = [(i, j) for i in range(d) for j in range(i + 1, d)]
    graphs = []
    for states in product((0, 1, 2), repeat=len(pairs)):
        edges = frozenset(
            (i, j) if state == 1 else (j, i)
            for (i, j), state in zip(pairs, states, strict=True)
            if state
        )
        matrix = np.zeros((d, d), dtype=int)
        for i, j in edges:
            matrix[i, j] = 1
        if not np.linalg.matrix_power(matrix, d).any():
            graphs.append(edges)
    return graphs


ALL = {d: dags(d) for d in (1, 2, 3, 4)}


def random_score(seed: int):
    table: dict[tuple[int, frozenset[int]], float] = {}
    rng = np.random.default_rng(seed)

    def score(child: int, parents: frozenset[int]) -> float:
        return table.setdefault((child, parents), float(rng.normal()))

    return score


def best(d, score, must=frozenset(), never=frozenset(), most=None):
    def allowed(edges):
        heads = [j for _, j in edges]
        fits = most is None or all(heads.count(j) <= most for j in range(d))
        return must <= edges and not never & edges and fits

    return min((g for g in ALL[d] if allowed(g)), key=lambda g: total(g, score, d), default=None)


def test_there_are_as_many_graphs_as_robinson_counted():
    assert [len(ALL[d]) for d in (1, 2, 3, 4)] == [1, 3, 25, 543]


@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(12))
def test_the_search_finds_what_going_through_all_graphs_finds(d, seed):
    score = random_score(seed)
    assert exact_search(SearchProblem(d, score)) == best(d, score)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("most", [None, 0, 1, 2])
def test_also_under_background_knowledge(seed, most):
    score, rng = random_score(seed), np.random.default_rng(100 + seed)
    pairs = [(i, j) for i in range(4) for j in range(4) if i != j]
    chosen = [pairs[k] for k in rng.permutation(12)[:4]]
    must, never = frozenset(chosen[:1]), frozenset(chosen[1:])
    expected = best(4, score, must, never, most)
    search = {"required": must, "forbidden": never, "max_parents": most}
    if expected is None:
        with pytest.raises(DataError, match="no acyclic graph"):
            exact_search(SearchProblem(4, score, **search))
    else:
        assert exact_search(SearchProblem(4, score, **search)) == expected


@pytest.mark.parametrize("seed", range(8))
def test_margins_are_the_price_of_the_best_graph_without_the_edge(seed):
    score = random_score(seed)
    edges = exact_search(SearchProblem(4, score))
    found = margin(SearchProblem(4, score))
    assert set(found) == edges
    for (i, j), price in found.items():
        apart = best(4, score, never=frozenset({(i, j), (j, i)}))
        turned = best(4, score, must=frozenset({(j, i)}))
        least = total(edges, score, 4)
        assert price.absent == pytest.approx(total(apart, score, 4) - least)
        assert price.reversed == pytest.approx(total(turned, score, 4) - least)


def test_what_is_required_is_infinitely_worth():
    def score(child, parents):
        return float(len(parents))

    worth = margin(SearchProblem(2, score, required=frozenset([(0, 1)])))
    assert worth == {(0, 1): EdgeMargin(float("inf"), float("inf"))}


def test_ties_go_to_the_smaller_graph():
    assert exact_search(SearchProblem(4, lambda child, parents: 1.0)) == frozenset()


def test_every_set_of_parents_is_scored_once():
    calls = []

    def score(child, parents):
        calls.append((child, parents))
        return float(len(parents))

    margin(SearchProblem(4, score, required=frozenset([(0, 1)])))
    assert len(calls) == len(set(calls)) <= 4 * 2**3


def test_many_nodes_are_refused_with_advice():
    def score(child, parents):
        return float(len(parents))

    with pytest.raises(CapabilityError, match="max_parents"):
        exact_search(SearchProblem(MOST_NODES + 1, score))
    assert exact_search(SearchProblem(MOST_NODES + 1, score, max_parents=1)) == frozenset()
    with pytest.raises(CapabilityError, match=str(MOST_NODES_LIMITED)):
        exact_search(SearchProblem(MOST_NODES_LIMITED + 1, score, max_parents=1))


@pytest.mark.parametrize(
    ("knowledge", "message"),
    [
        ({"required": frozenset({(0, 1), (1, 0)})}, "no acyclic graph"),
        ({"required": frozenset({(0, 1)}), "forbidden": frozenset({(0, 1)})}, "both"),
        ({"required": frozenset({(0, 3)})}, "not an edge"),
        ({"forbidden": frozenset({(1, 1)})}, "not an edge"),
        ({"required": frozenset({(0, 2), (1, 2)}), "max_parents": 1}, "at most 1"),
        ({"max_parents": -1}, "max_parents"),
    ],
)
def test_impossible_knowledge_is_told(knowledge, message):
    with pytest.raises(DataError, match=message):
        exact_search(SearchProblem(3, lambda child, parents: 0.0, **knowledge))


def test_scores_that_are_no_number_are_told():
    with pytest.raises(DataError, match="not a number"):
        exact_search(SearchProblem(2, lambda child, parents: float("nan")))
