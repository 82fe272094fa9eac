"""BOSS on arrays whose equivalence class is known, and as a stage of the pipeline."""

from __future__ import annotations

import random
from functools import cache
from itertools import combinations, permutations

import numpy as np
import pytest

from causalxai import GraphDiscoverer
from causalxai.graph_discoverer import BackgroundKnowledge
from causalxai.testing import Bench, Case, parametrize_with_checks, toy_world
from causalxai_discovery.boss import Boss, _score, discover_boss
from causalxai_discovery.causal_learn import causal_learn
from causalxai_discovery.claims import Claims, settle
from causalxai_discovery.constraints import Constraints


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def collider(n: int = 600) -> np.ndarray:
    """0 → 2 ← 1, 2 → 3: an equivalence class of one."""
    noise = rng().normal(size=(n, 4))
    a, b = noise[:, 0], noise[:, 1]
    c = a + b + 0.5 * noise[:, 2]
    return np.stack([a, b, c, c + noise[:, 3]], axis=1)


def chain(n: int = 500) -> np.ndarray:
    return rng().normal(size=(n, 3)).cumsum(axis=1)


COLLIDER = {(0, 2), (1, 2), (2, 3)}


@pytest.mark.parametrize("columns", list(permutations(range(4))), ids=str)
def test_a_collider_is_found_whatever_the_order_of_columns(columns):
    expected = frozenset((columns.index(i), columns.index(j)) for i, j in COLLIDER)
    assert discover_boss(collider()[:, columns], rng(1)) == Claims(expected)


@pytest.mark.parametrize("columns", list(permutations(range(3))), ids=str)
def test_a_chain_is_left_open_and_knowledge_opens_it(columns):
    values = chain()[:, columns]
    names = ["abc"[column] for column in columns]
    place = names.index
    neighbours = {frozenset((place("a"), place("b"))), frozenset((place("b"), place("c")))}
    assert discover_boss(values, rng()) == Claims(frozenset(), frozenset(neighbours))
    known = Constraints.of(BackgroundKnowledge(required=(("a", "b"),)), names)
    expected = {(place("a"), place("b")), (place("b"), place("c"))}
    assert settle(discover_boss(values, rng(), known), known).claims == Claims(frozenset(expected))


def test_a_wrong_tier_turns_the_effect_around():
    tiers = BackgroundKnowledge(tiers=(("effect",), ("cause",)))
    known = Constraints.of(tiers, ["cause", "effect"])
    claims = discover_boss(collider()[:, [0, 2]], rng(), known)
    assert settle(claims, known).claims == Claims(frozenset({(1, 0)}))


def test_independent_columns_and_single_ones_have_no_edge():
    assert discover_boss(rng(1).normal(size=(400, 3)), rng()) == Claims(frozenset())
    assert discover_boss(rng(1).normal(size=(400, 1)), rng()) == Claims(frozenset())


def exact(values: np.ndarray) -> dict[int, tuple[int, ...]]:
    """Return each column's parents in the graph with the best score of all."""
    d = values.shape[1]

    @cache
    def score(effect: int, causes: tuple[int, ...]) -> float:
        parents = np.zeros((d, d), dtype=bool)
        parents[effect, list(causes)] = True
        return _score(values, parents, 0.5)

    def best(effect: int, before: tuple[int, ...]) -> tuple[int, ...]:
        subsets = (some for size in range(d) for some in combinations(sorted(before), size))
        return max(subsets, key=lambda causes: score(effect, causes))

    graphs = [
        {effect: best(effect, order[:place]) for place, effect in enumerate(order)}
        for order in permutations(range(d))
    ]
    return max(graphs, key=lambda graph: sum(score(j, causes) for j, causes in graph.items()))


@pytest.mark.parametrize("seed", range(6))
def test_among_five_variables_it_finds_the_class_of_the_best_graph(seed):
    drawn = rng(seed)
    weights = np.triu(drawn.uniform(0.6, 1.2, size=(5, 5)) * (drawn.random((5, 5)) < 0.5), 1)
    values = drawn.normal(size=(1000, 5)) @ np.linalg.inv(np.eye(5) - weights)
    values = values[:, drawn.permutation(5)]
    truth = exact(values)
    skeleton = {frozenset((i, j)) for j, causes in truth.items() for i in causes}
    colliders = {
        (i, j)
        for j, causes in truth.items()
        for a, b in combinations(causes, 2)
        if frozenset((a, b)) not in skeleton
        for i in (a, b)
    }
    claims = discover_boss(values, rng())
    assert {frozenset(pair) for pair in claims.directed} | claims.undirected == skeleton
    assert claims.directed >= colliders


def test_the_score_is_that_of_the_library():
    values = collider()
    parents = np.zeros((4, 4), dtype=bool)
    parents[2, [0, 1]] = parents[3, 2] = True
    local = causal_learn("score.LocalScoreFunction").local_score_BIC_from_cov
    data = (np.cov(values.T, ddof=0), len(values))
    settings = {"lambda_value": 2.0}
    expected, empty = (
        sum(local(data, j, list(np.nonzero(row)[0]), settings) for j, row in enumerate(graph))
        for graph in (parents, np.zeros_like(parents))
    )
    found = _score(values, parents, 2.0) - _score(values, np.zeros_like(parents), 2.0)
    assert found == pytest.approx(expected - empty)


def test_one_start_alone_may_end_at_a_graph_with_needless_edges():
    found = [discover_boss(collider(), rng(seed), starts=1) for seed in range(20)]
    assert {len(claims.directed) + len(claims.undirected) for claims in found} == {3, 4}
    assert all(discover_boss(collider(), rng(seed)).directed == COLLIDER for seed in range(20))


def test_sparsity_leaves_out_what_is_weak():
    x = rng().normal(size=400)
    values = np.stack([x, 0.25 * x + rng(1).normal(size=400)], axis=1)
    assert discover_boss(values, rng()).undirected
    assert not discover_boss(values, rng(), sparsity=20).undirected


def test_pythons_generator_is_left_as_it_was():
    random.seed(5)
    before = random.getstate()
    discover_boss(collider(), rng())
    assert random.getstate() == before


def bench(**settings: object):
    def build() -> Bench[GraphDiscoverer]:
        world = toy_world(0)
        images = world.dataset.test.images[:4]
        return Bench(plugin=Boss(**settings), inputs=world.inputs(), images=images)

    return build


@parametrize_with_checks(
    [
        Case("boss", GraphDiscoverer, bench()),
        Case("boss-bootstrap", GraphDiscoverer, bench(bootstrap=4)),
    ]
)
def test_conformance(case, check):
    check(case.build())
