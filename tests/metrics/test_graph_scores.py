"""Scores of graphs by hand, against causal-learn and gadjid, and by their laws."""

from __future__ import annotations

from itertools import combinations, product

import gadjid
import networkx as nx
import numpy as np
import pytest
from causallearn.graph.Dag import Dag
from causallearn.graph.GraphNode import GraphNode
from causallearn.graph.SHD import SHD
from causallearn.utils.DAG2CPDAG import dag2cpdag
from hypothesis import assume, given
from hypothesis import strategies as st

from causalxai.graph import CausalGraph, Edge
from causalxai.metric import MetricUndefinedError
from causalxai.metrics.graph_scores import (
    DIRECTION_TOLD,
    agreement,
    ancestor_aid,
    directed_member,
    index,
    index_of,
    is_cpdag,
    orientation_accuracy,
    random_graph,
    shd,
    sid,
    skeleton_f1,
    undirected_pairs,
)

NAMES = ("a", "b", "c", "d")
EVERY_PAIR = list(combinations(NAMES, 2))


def graph(directed: str = "", undirected: str = "", nodes: str = "abcd") -> CausalGraph:
    """Read "ab bc" as a → b → c."""
    pairs = "; ".join(f"{pair[0]} — {pair[1]}" for pair in undirected.split())
    return CausalGraph(
        nodes, [(a, b) for a, b in directed.split()], meta={"undirected": pairs} if pairs else None
    )


TRUTH = graph("ab bc", nodes="abc")


@st.composite
def dags(draw: st.DrawFn) -> CausalGraph:
    order = draw(st.permutations(NAMES))
    chosen = draw(st.lists(st.sampled_from(list(combinations(order, 2))), unique=True))
    return CausalGraph(NAMES, chosen)


@pytest.mark.parametrize(
    ("found", "expected", "distance"),
    [
        (graph("ab bc"), 1, 0),
        (graph(), 0, 2),
        (graph("", "ab bc"), 0, 2),
        (graph("ba bc"), 0, 1),
        (graph("ab bc ac"), 0.5, 1),
        (graph("ab bc", "ac"), 0.5, 1),
        (graph("ba cb ca"), -1.5, 3),
        (graph("ab bc cd ad"), 1, 0),
    ],
)
def test_scores_by_hand(found: CausalGraph, expected: float, distance: int):
    assert index(found, TRUTH) == expected
    assert shd(found, TRUTH) == distance
    assert agreement(found, TRUTH) == pytest.approx(1 - distance / 3)


def test_the_papers_tables_count_the_edges_into_the_image():
    truth = graph("ab", nodes="ab")
    assert index(graph("", "ab"), truth, free=2) == pytest.approx(2 / 3)
    assert index(graph("ba"), truth, free=2) == pytest.approx(1 / 3)
    assert index_of({(1, 0)}, set(), {(0, 1)}, free=2) == pytest.approx(1 / 3)


def test_skeletons_and_directions_are_scored_apart():
    found = graph("ba bc ac", nodes="abc")
    assert skeleton_f1(found, TRUTH) == pytest.approx(2 * 2 / (3 + 2))
    assert orientation_accuracy(found, TRUTH) == 0.5
    assert skeleton_f1(graph("", "ab bc"), TRUTH) == 1
    assert orientation_accuracy(graph("ab", "bc"), TRUTH) == 1


def test_what_has_no_meaning_is_told():
    empty = graph(nodes="abc")
    for score, found, truth in [
        (index, TRUTH, empty),
        (skeleton_f1, empty, empty),
        (orientation_accuracy, graph("", "ab"), TRUTH),
        (orientation_accuracy, graph("ac"), TRUTH),
        (sid, graph("ab", "bc", "abc"), TRUTH),
        (ancestor_aid, graph("ab", "bc", "abc"), TRUTH),
        (sid, graph(nodes="ax"), TRUTH),
    ]:
        with pytest.raises(MetricUndefinedError):
            score(found, truth)


@given(dags(), dags())
def test_shd_is_causal_learns_and_gadjids(one: CausalGraph, other: CausalGraph):
    assert shd(one, other) == SHD(_causal_learn(one), _causal_learn(other)).get_shd()
    assert shd(one, other) == gadjid.shd(_matrix(one), _matrix(other))[1]
    assert shd(one, other) == shd(other, one)


@given(dags(), dags())
def test_distances_vanish_for_the_truth(one: CausalGraph, other: CausalGraph):
    assert (shd(one, one), sid(one, one), ancestor_aid(one, one), agreement(one, one)) == (
        (0, 0, 0, 1)
    )
    for distance in (sid(one, other), ancestor_aid(one, other)):
        assert 0 <= distance <= 1
    if other.edges:
        assert index(one, other) <= 1
        assert index(one, other) == 1 or shd(one, other) > 0


@given(dags(), dags())
def test_sid_counts_pairs_whose_effect_the_parents_do_not_identify(
    one: CausalGraph, other: CausalGraph
):
    assert sid(one, other) == pytest.approx(_sid_by_definition(one, other) / 12)


@given(dags(), dags(), st.permutations(NAMES))
def test_neither_order_nor_further_nodes_count(
    one: CausalGraph, other: CausalGraph, order: list[str]
):
    assume(other.edges)
    wider = CausalGraph(
        ["x", *order], [*((edge.source, edge.target) for edge in one.edges), ("x", "a")]
    )
    for score in (index, shd, sid, ancestor_aid, agreement):
        assert score(wider, other) == pytest.approx(score(one, other))


@given(dags())
def test_the_pattern_of_a_dag_is_a_cpdag(one: CausalGraph):
    matrix = _pattern(one)
    assert is_cpdag(matrix)
    assert ancestor_aid(_read(matrix), one) == pytest.approx(
        gadjid.ancestor_aid(_matrix(one), matrix, edge_direction="from row to column")[0]
    )


def test_of_all_graphs_over_three_nodes_those_that_are_patterns_are_known():
    patterns = set()
    for states in product((None, "→", "←"), repeat=3):
        edges = [
            (a, b) if state == "→" else (b, a)
            for (a, b), state in zip(combinations(range(3), 2), states, strict=True)
            if state
        ]
        if nx.is_directed_acyclic_graph(nx.DiGraph(edges)):
            dag = CausalGraph(NAMES[:3], [(NAMES[a], NAMES[b]) for a, b in edges])
            patterns.add(_pattern(dag).tobytes())
    found = set()
    for cells in product((0, 1, 2, 3), repeat=3):
        matrix = np.zeros((3, 3), dtype=np.int8)
        for (i, j), cell in zip(combinations(range(3), 2), cells, strict=True):
            matrix[(j, i) if cell == 3 else (i, j)] = min(cell, 1) if cell != 2 else 2
        if is_cpdag(matrix):
            found.add(matrix.tobytes())
    assert found == patterns
    assert len(found) == 11


@given(dags(), st.integers(0, 99))
def test_random_graphs_have_as_many_edges(one: CausalGraph, seed: int):
    guess = random_graph(one, NAMES, np.random.default_rng(seed))
    assert len(guess.edges) == len(one.edges)
    half = graph("ab", "bc cd")
    assert len(undirected_pairs(random_graph(half, NAMES, np.random.default_rng(seed)))) == 2


def test_random_graphs_are_right_half_of_the_time_on_one_edge():
    rng, truth = np.random.default_rng(0), graph("ab", nodes="ab")
    drawn = [index(random_graph(truth, ("a", "b"), rng), truth) for _ in range(400)]
    assert set(drawn) == {-1.0, 1.0}
    assert np.mean(drawn) == pytest.approx(0, abs=0.15)


def test_an_edge_whose_direction_is_not_told_has_none():
    def told(direction: float) -> CausalGraph:
        edges = [Edge("a", "b", extra={DIRECTION_TOLD: direction}), Edge("b", "c")]
        return CausalGraph("abc", edges)

    assert undirected_pairs(told(0)) == {frozenset("ab")}
    assert undirected_pairs(told(1)) == frozenset()
    assert index(told(1), TRUTH) == 1
    # The pair counts neither way; turned around and told, it would be additional.
    assert index(told(0), TRUTH) == 0.5
    assert (shd(told(0), TRUTH), skeleton_f1(told(0), TRUTH)) == (1, 1)
    assert agreement(told(0), told(1)) == pytest.approx(2 / 3)
    none = CausalGraph("abc", [Edge("a", "c", extra={DIRECTION_TOLD: 0})])
    assert index(none, TRUTH) == -0.5


def test_undirected_pairs_are_read_from_the_meta():
    assert undirected_pairs(graph("ab", "bc ad")) == {frozenset("bc"), frozenset("ad")}
    assert undirected_pairs(graph("ab")) == frozenset()
    for told in ("a — z", "a", "a — b — c"):
        with pytest.raises(ValueError, match="names pairs of nodes"):
            undirected_pairs(CausalGraph(NAMES, meta={"undirected": told}))


def colliders(one: CausalGraph) -> set[tuple[frozenset[str], str]]:
    return {
        (frozenset((a, c)), node)
        for node in one.nodes
        for a, c in combinations(one.parents(node), 2)
        if not (one.has_edge(a, c) or one.has_edge(c, a))
    }


@given(dags())
def test_a_member_of_a_class_has_its_neighbours_and_colliders(dag: CausalGraph):
    fixed = {(cause, node) for causes, node in colliders(dag) for cause in causes}
    opened = [(e.source, e.target) for e in dag.edges if (e.source, e.target) not in fixed]
    pairs = "; ".join(f"{b} — {a}" for a, b in opened)
    pattern = CausalGraph(NAMES, sorted(fixed), meta={"undirected": pairs} if pairs else None)
    member = directed_member(pattern)
    assert not undirected_pairs(member)
    assert skeleton_f1(member, dag) == 1 if dag.edges else not member.edges
    assert colliders(member) == colliders(dag)


def test_a_square_without_directions_has_no_member():
    with pytest.raises(MetricUndefinedError, match="a — b; a — d; b — c; c — d"):
        directed_member(graph("", "ab bc cd da"))
    assert len(directed_member(graph("", "ab bc cd da ac")).edges) == 5


def test_large_patterns_are_not_guessed_at():
    names = [f"n{number}" for number in range(6)]
    edges = list(combinations(names, 2))[1:]
    found = CausalGraph(names, edges, meta={"undirected": "n0 — n1"})
    with pytest.raises(MetricUndefinedError, match="up to 12 edges"):
        ancestor_aid(found, CausalGraph(names, edges))


def _matrix(one: CausalGraph) -> np.ndarray:
    return (one.adjacency(NAMES[: len(one.nodes)]) != 0).astype(np.int8)


def _causal_learn(one: CausalGraph) -> Dag:
    nodes = {name: GraphNode(name) for name in one.nodes}
    dag = Dag(list(nodes.values()))
    for edge in one.edges:
        dag.add_directed_edge(nodes[edge.source], nodes[edge.target])
    return dag


def _pattern(one: CausalGraph) -> np.ndarray:
    """Return the CPDAG by causal-learn, as gadjid writes it."""
    ends = dag2cpdag(_causal_learn(one)).graph
    matrix = np.zeros(ends.shape, dtype=np.int8)
    for i, j in combinations(range(len(ends)), 2):
        if ends[i, j] == ends[j, i] == -1:
            matrix[i, j] = 2
        elif ends[i, j]:
            matrix[(i, j) if ends[i, j] == -1 else (j, i)] = 1
    return matrix


def _read(matrix: np.ndarray) -> CausalGraph:
    names = NAMES[: len(matrix)]
    arrows = [(names[i], names[j]) for i, j in np.argwhere(matrix == 1)]
    pairs = "; ".join(f"{names[i]} — {names[j]}" for i, j in np.argwhere(matrix == 2))
    return CausalGraph(names, arrows, meta={"undirected": pairs} if pairs else None)


def _sid_by_definition(found: CausalGraph, truth: CausalGraph) -> int:
    """Count the ordered pairs for which the found parents of a cause are no adjustment set."""
    true, wrong = truth.to_networkx(), 0
    for cause, effect in product(NAMES, NAMES):
        if cause == effect:
            continue
        parents = set(found.parents(cause))
        descends = effect in nx.descendants(true, cause)
        if effect in parents:
            wrong += descends
            continue
        causal = nx.descendants(true, cause) & (nx.ancestors(true, effect) | {effect})
        forbidden = set().union(*({node} | nx.descendants(true, node) for node in causal), set())
        backdoor = true.copy()
        backdoor.remove_edges_from([(cause, node) for node in causal if true.has_edge(cause, node)])
        blocked = nx.is_d_separator(backdoor, {cause}, {effect}, parents - {cause, effect})
        wrong += bool(parents & forbidden) or not blocked
    return wrong
