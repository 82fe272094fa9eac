from __future__ import annotations

import itertools
from collections.abc import Sequence

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from causalxai.graph import CausalGraph
from causalxai_datasets.cartoon_faces import (
    ATTRIBUTE_MODEL,
    ATTRIBUTES,
    FAIR,
    Attribute,
    AttributeModel,
)
from causalxai_datasets.cartoon_faces.attribute_tables import projected

PAIRS = list(itertools.permutations(ATTRIBUTES, 2))
# So rare that, over all of a test's checks, chance alone hardly ever fails one.
NEVER = 1e-6


def column(values: np.ndarray, name: Attribute) -> np.ndarray:
    return values[:, ATTRIBUTES.index(name)]


def plausible(hits: np.ndarray, chance: float) -> bool:
    """Return whether coins of this chance may well have fallen so."""
    return bool(binomtest(int(hits.sum()), len(hits), chance).pvalue > NEVER)


def edges(graph: CausalGraph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.edges}


def test_frequencies_match_the_odds_for_every_combination_of_causes() -> None:
    values = ATTRIBUTE_MODEL.sample(20_000, np.random.default_rng(0))
    checked = 0
    for name, odds_of in ATTRIBUTE_MODEL.table.items():
        causes = tuple(odds_of.effects)
        for state in itertools.product((False, True), repeat=len(causes)):
            rows = np.ones(len(values), dtype=bool)
            for cause, value in zip(causes, state, strict=True):
                rows &= column(values, cause) == value
            odds = odds_of.base + sum(
                odds_of.effects[cause] for cause, value in zip(causes, state, strict=True) if value
            )
            assert plausible(column(values, name)[rows], 1 / (1 + np.exp(-odds)))
            checked += 1
    assert checked == 5 + 5 * 4 + 2 * 2 - 1


def test_every_cause_counts_and_no_attribute_is_rare() -> None:
    effects = [e for m in ATTRIBUTE_MODEL.table.values() for e in m.effects.values()]

    assert min(map(abs, effects)) >= 2
    for name in ATTRIBUTES:
        assert 0.25 < ATTRIBUTE_MODEL.probability_of(name) < 0.75


def test_the_exact_probability_is_that_of_the_sample() -> None:
    values = ATTRIBUTE_MODEL.sample(20_000, np.random.default_rng(1))

    for name in ATTRIBUTES:
        assert plausible(column(values, name), ATTRIBUTE_MODEL.probability_of(name))


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_balancing_makes_one_half_and_keeps_every_edge(name: Attribute) -> None:
    balanced = ATTRIBUTE_MODEL.balanced(name)

    assert balanced.probability_of(name) == pytest.approx(0.5, abs=1e-9)
    assert balanced.graph == ATTRIBUTE_MODEL.graph
    for other, odds_of in ATTRIBUTE_MODEL.table.items():
        assert balanced.table[other].effects == odds_of.effects
        if other != name:
            assert balanced.table[other] == odds_of


def joint(attribute_model: AttributeModel, first: Attribute, second: Attribute) -> list[float]:
    """Return the shares of both, the first alone, the second alone and neither in a sample."""
    values = attribute_model.sample(20_000, np.random.default_rng(2))
    a, b = column(values, first), column(values, second)
    return [float(cell.mean()) for cell in (a & b, a & ~b, ~a & b, ~a & ~b)]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(PAIRS), st.floats(0.02, 0.98))
def test_a_bias_is_the_joint_distribution_asked_for(
    pair: tuple[Attribute, Attribute], share: float
) -> None:
    task, attribute = pair
    values = ATTRIBUTE_MODEL.biased(task, attribute, share).sample(4000, np.random.default_rng(3))
    has, is_ = column(values, attribute), column(values, task)

    assert plausible(has, 0.5)
    assert plausible(is_, 0.5)
    assert plausible(is_[has], share)
    assert plausible(is_[~has], 1 - share)


@pytest.mark.parametrize(("task", "attribute"), PAIRS)
def test_a_bias_replaces_two_odds_and_makes_no_cycle(task: Attribute, attribute: Attribute) -> None:
    biased = ATTRIBUTE_MODEL.biased(task, attribute, 0.7)
    backwards = nx.has_path(ATTRIBUTE_MODEL.graph.to_networkx(), task, attribute)
    edge = (task, attribute) if backwards else (attribute, task)

    kept = {pair for pair in edges(ATTRIBUTE_MODEL.graph) if pair[1] not in (task, attribute)}
    assert edges(biased.graph) == kept | {edge}
    for name in set(ATTRIBUTES) - {task, attribute}:
        assert biased.table[name] == ATTRIBUTE_MODEL.table[name]


def test_an_even_share_leaves_two_independent_coins() -> None:
    even = ATTRIBUTE_MODEL.biased("smiling", "male", 0.5)

    assert ("male", "smiling") not in edges(even.graph)
    assert joint(even, "smiling", "male") == pytest.approx([0.25] * 4, abs=0.02)


def test_fair_coins_are_independent() -> None:
    values = FAIR.sample(20_000, np.random.default_rng(4))

    assert edges(FAIR.graph) == set()
    for name in ATTRIBUTES:
        assert plausible(column(values, name), 0.5)
    for first, second in itertools.combinations(ATTRIBUTES, 2):
        assert plausible(column(values, first) == column(values, second), 0.5)


def test_the_seed_alone_decides() -> None:
    first, again, other = (
        ATTRIBUTE_MODEL.sample(50, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_projection_onto_all_nodes_is_the_graph() -> None:
    assert projected(ATTRIBUTE_MODEL.graph, ATTRIBUTES) == ATTRIBUTE_MODEL.graph


@pytest.mark.parametrize(
    ("kept", "wanted"),
    [
        (("male", "lipstick"), {("male", "lipstick")}),
        (("young", "lipstick"), {("young", "lipstick")}),
        (
            ("young", "heavy make-up", "lipstick"),
            {("young", "heavy make-up"), ("heavy make-up", "lipstick")},
        ),
        (("young", "moustache"), {("young", "moustache")}),
        (("high cheekbones", "open mouth"), set()),
        (("smiling", "male"), set()),
    ],
)
def test_a_projection_bridges_what_is_left_out(
    kept: tuple[str, ...], wanted: set[tuple[str, str]]
) -> None:
    graph = projected(ATTRIBUTE_MODEL.graph, kept)

    assert graph.nodes == kept
    assert edges(graph) == wanted


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14),
    st.sets(st.integers(0, 6), min_size=1),
)
def test_a_projection_has_an_edge_where_a_path_avoids_the_kept(
    pairs: Sequence[tuple[int, int]], kept: set[int]
) -> None:
    """Compare with a literal enumeration of all directed paths."""
    names = [f"n{number}" for number in range(7)]
    whole = CausalGraph(names, {(names[min(p)], names[max(p)]) for p in pairs if p[0] != p[1]})
    digraph, nodes = whole.to_networkx(), tuple(names[number] for number in sorted(kept))
    wanted = {
        (a, b)
        for a, b in itertools.permutations(nodes, 2)
        if any(not set(path[1:-1]) & set(nodes) for path in nx.all_simple_paths(digraph, a, b))
    }

    assert edges(projected(whole, nodes)) == wanted
