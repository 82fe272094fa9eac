"""Which directions labels leave open, against all graphs of the class; and what search finds."""

from __future__ import annotations

from itertools import combinations, product

import networkx as nx
import numpy as np
import pytest
from scipy.special import expit

from causalxai_glance.scm import (
    MOST_BOOLEAN,
    MOST_NODES,
    MdlScore,
    SearchProblem,
    StructuralModel,
    compelled,
    exact_search,
    total,
)

Edges = frozenset[tuple[int, int]]


def every_graph(d: int) -> list[Edges]:
    pairs = [*combinations(range(d), 2)]
    graphs = []
    for states in product((0, 1, 2), repeat=len(pairs)):
        chosen = [(*pair, state) for pair, state in zip(pairs, states, strict=True) if state]
        edges = frozenset((i, j) if state == 1 else (j, i) for i, j, state in chosen)
        if nx.is_directed_acyclic_graph(nx.DiGraph(list(edges))):
            graphs.append(edges)
    return graphs


ALL = {d: every_graph(d) for d in (2, 3, 4)}


def skeleton(edges: Edges) -> frozenset[frozenset[int]]:
    return frozenset(map(frozenset, edges))


def immoralities(edges: Edges) -> frozenset[tuple[frozenset[int], int]]:
    joined = skeleton(edges)
    return frozenset(
        (frozenset((a, b)), child)
        for (a, child), (b, other) in combinations(sorted(edges), 2)
        if child == other and frozenset((a, b)) not in joined
    )


@pytest.fixture(scope="module", params=[2, 3, 4])
def classes(request) -> list[list[Edges]]:
    found: dict[object, list[Edges]] = {}
    for graph in ALL[request.param]:
        found.setdefault((skeleton(graph), immoralities(graph)), []).append(graph)
    return [*found.values()]


def test_classes_are_as_many_as_gillispie_and_perlman_counted(classes):
    assert len(classes) in (2, 11, 185)


def test_compelled_edges_are_common_to_the_class(classes: list[list[Edges]]):
    for alike in classes:
        common = frozenset.intersection(*alike)
        for graph in alike:
            assert compelled(graph) == common


def test_what_is_known_turns_others_as_well(classes: list[list[Edges]]):
    for alike in classes:
        for graph in alike[:6]:
            for oriented in combinations(sorted(graph), min(2, len(graph))):
                left = [other for other in alike if set(oriented) <= other]
                assert compelled(graph, oriented) == frozenset.intersection(*left)


def sampled(edges: Edges, d: int, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.zeros((n, d))
    for child in nx.topological_sort(nx.DiGraph([*edges, *((j, j + d) for j in range(d))])):
        if child < d:
            odds = np.zeros(n)
            for parent in (i for i, j in sorted(edges) if j == child):
                odds += rng.choice([-1, 1]) * rng.uniform(1.5, 2.5) * (x[:, parent] - 0.5)
            x[:, child] = rng.random(n) < expit(odds)
    return x


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("d", [2, 3, 4])
def test_the_search_finds_what_going_through_all_graphs_finds(d: int, seed: int):
    rng = np.random.default_rng(seed)
    truth = ALL[d][rng.integers(len(ALL[d]))]
    score = MdlScore(sampled(truth, d, 300, seed))
    best = min(total(graph, score, d) for graph in ALL[d])
    assert total(exact_search(SearchProblem(d, score)), score, d) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_random_graphs_of_attributes_are_recovered_up_to_equivalence(seed: int):
    rng = np.random.default_rng(seed)
    order = rng.permutation(7)
    truth = frozenset(
        (int(order[i]), int(order[j])) for i, j in combinations(range(7), 2) if rng.random() < 0.25
    )
    found = exact_search(SearchProblem(7, MdlScore(sampled(truth, 7, 40_000, seed))))
    assert skeleton(found) == skeleton(truth)
    assert compelled(found) == compelled(truth)


@pytest.mark.slow
def test_twelve_attributes_may_have_any_number_of_causes():
    truth = frozenset({(0, 11), (1, 11), (2, 11), (3, 11)})
    values = sampled(truth, MOST_BOOLEAN, 1500, 0)
    assert MOST_BOOLEAN > MOST_NODES
    model = StructuralModel.fit(values, [f"a{j}" for j in range(MOST_BOOLEAN)])
    assert truth <= model.edges
