"""Scores of graphs by hand, against causal-learn and gadjid, and by their laws."""

from __future__ import annotations

from itertools import combinations, permutations, product

import gadjid
import networkx as nx
import numpy as np
import pytest
from causallearn.graph.Dag import Dag
from causallearn.graph.GraphNode import GraphNode
from causallearn.graph.SHD import SHD
from hypothesis import assume, given
from hypothesis import strategies as st

from causalxai.graph import CausalGraph, Edge, EdgeKind, Node, NodeKind
from causalxai.metric import MetricUndefinedError
from causalxai.metrics.graph_scores import (
    agreement,
    ancestor_aid,
    directed_member,
    index,
    index_of,
    is_cpdag,
    orientation_accuracy,
    pattern_of,
    random_graph,
    shd,
    sid,
    skeleton_f1,
)

NAMES = ("a", "b", "c", "d")
UNDIRECTED, BIDIRECTED = EdgeKind.UNDIRECTED, EdgeKind.BIDIRECTED
PARTIAL, UNORIENTED = EdgeKind.PARTIALLY_DIRECTED, EdgeKind.UNORIENTED
EVERY_PAIR = list(combinations(NAMES, 2))


def graph(directed: str = "", undirected: str = "", nodes: str = "abcd") -> CausalGraph:
    """Read "ab bc" as a → b → c."""
    edges = [Edge(a, b) for a, b in directed.split()]
    return CausalGraph(nodes, edges + [Edge(a, b, UNDIRECTED) for a, b in undirected.split()])


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
    pattern = pattern_of(one)
    assert is_cpdag(pattern)
    matrix = np.zeros((4, 4), dtype=np.int8)
    for edge in pattern.edges:
        ends = NAMES.index(edge.source), NAMES.index(edge.target)
        matrix[ends] = 1 if edge.directed else 2
    assert ancestor_aid(pattern, one) == pytest.approx(
        gadjid.ancestor_aid(_matrix(one), matrix, edge_direction="from row to column")[0]
    )


def _patterns(nodes: str) -> set[frozenset[object]]:
    """Return the patterns of all classes, by definition: what all members share is directed."""
    members: dict[object, list[set[tuple[str, str]]]] = {}
    pairs = list(combinations(nodes, 2))
    for turned in product((0, 1, None), repeat=len(pairs)):
        arrows = {
            pair[:: -1 if turn else 1]
            for pair, turn in zip(pairs, turned, strict=True)
            if turn is not None
        }
        if nx.is_directed_acyclic_graph(nx.DiGraph(sorted(arrows))):
            dag = CausalGraph(nodes, sorted(arrows))
            joined = frozenset(map(frozenset, arrows))
            meeting = frozenset(colliders(dag))
            members.setdefault((joined, meeting), []).append(arrows)
    return {
        frozenset(set.intersection(*every) | {pair for pair in joined if not _fixed(pair, every)})
        for (joined, _), every in members.items()
    }


def _fixed(pair: frozenset[str], members: list[set[tuple[str, str]]]) -> bool:
    return any(all(ends in dag for dag in members) for ends in permutations(pair))


@pytest.mark.parametrize(
    ("nodes", "count"), [("abc", 11), pytest.param("abcd", 185, marks=pytest.mark.slow)]
)
def test_of_all_small_graphs_those_that_are_patterns_are_known(nodes: str, count: int):
    found = set()
    pairs = list(combinations(nodes, 2))
    for cells in product((None, UNDIRECTED, 1, -1), repeat=len(pairs)):
        edges = [
            Edge(*pair, UNDIRECTED) if cell is UNDIRECTED else Edge(*pair[::cell])
            for pair, cell in zip(pairs, cells, strict=True)
            if cell is not None
        ]
        arrows = [(edge.source, edge.target) for edge in edges if edge.directed]
        if nx.is_directed_acyclic_graph(nx.DiGraph(arrows)) and is_cpdag(CausalGraph(nodes, edges)):
            found.add(frozenset({e.pair if e.kind is UNDIRECTED else e.claim[1] for e in edges}))
    assert found == _patterns(nodes)
    assert len(found) == count


@given(dags(), st.integers(0, 99))
def test_random_graphs_have_as_many_edges(one: CausalGraph, seed: int):
    guess = random_graph(one, NAMES, np.random.default_rng(seed))
    assert len(guess.edges) == len(one.edges)
    edges = [("a", "b"), ("b", "c"), Edge("c", "d", UNDIRECTED), Edge("a", "d", BIDIRECTED)]
    half = random_graph(CausalGraph(NAMES, edges), NAMES, np.random.default_rng(seed))
    kinds = sorted(edge.kind for edge in half.edges)
    assert kinds == ["bidirected", "directed", "directed", "undirected"]


def test_random_graphs_are_right_half_of_the_time_on_one_edge():
    rng, truth = np.random.default_rng(0), graph("ab", nodes="ab")
    drawn = [index(random_graph(truth, ("a", "b"), rng), truth) for _ in range(400)]
    assert set(drawn) == {-1.0, 1.0}
    assert np.mean(drawn) == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize(
    ("kind", "forward", "backward", "of_strangers"),
    [
        (EdgeKind.DIRECTED, 1, 0, 0.5),
        (UNDIRECTED, 0.5, 0.5, 0.5),
        (BIDIRECTED, 0, 0, 0.5),
        (PARTIAL, 0.5, 0, 0.5),
        (UNORIENTED, 0.5, 0.5, 0.5),
    ],
)
def test_the_index_of_every_mark(
    kind: EdgeKind, forward: float, backward: float, of_strangers: float
):
    def found(a: str, b: str) -> CausalGraph:
        rest = [("b", "c")] if {a, b} == {"a", "b"} else [("a", "b"), ("b", "c")]
        return CausalGraph("abc", [Edge(a, b, kind), *rest])

    assert index(found("a", "b"), TRUTH) == forward
    assert index(found("b", "a"), TRUTH) == backward
    assert index(found("a", "c"), TRUTH) == of_strangers
    assert shd(found("a", "b"), TRUTH) == (kind is not EdgeKind.DIRECTED)
    assert skeleton_f1(found("a", "b"), TRUTH) == 1


def test_a_true_graph_may_have_unobserved_causes():
    truth = CausalGraph("abc", [Edge("a", "b"), Edge("c", "b", BIDIRECTED)])
    right = CausalGraph("abc", [Edge("a", "b"), Edge("b", "c", BIDIRECTED)])
    assert (index(right, truth), shd(right, truth), agreement(right, truth)) == (1, 0, 1)
    assert index(graph("ab bc", nodes="abc"), truth) == 0
    assert index(graph("ab", "bc", nodes="abc"), truth) == 0.5
    for score in (sid, ancestor_aid):
        for pair in ((right, TRUTH), (TRUTH, truth)):
            with pytest.raises(MetricUndefinedError, match=r"edges alone, not with . ↔ ."):
                score(*pair)


def test_a_true_graph_that_leaves_directions_open_has_no_index():
    truth = graph("ab", "bc", nodes="abc")
    with pytest.raises(MetricUndefinedError, match="not with b — c"):
        index(TRUTH, truth)
    assert shd(TRUTH, truth) == 1


def test_only_patterns_have_an_ancestor_aid():
    chain = [Edge("a", "b", UNDIRECTED), Edge("b", "c", UNDIRECTED)]
    odd = [Node("a", label="A"), Node("b", NodeKind.CLASS), "c"]
    assert ancestor_aid(CausalGraph(odd, chain), TRUTH) == ancestor_aid(
        CausalGraph("abc", chain), TRUTH
    )
    with pytest.raises(MetricUndefinedError, match="only for DAGs and CPDAGs"):
        ancestor_aid(graph("ab", "bc", nodes="abc"), TRUTH)


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
    edges = [Edge(*ends) for ends in sorted(fixed)]
    member = directed_member(
        CausalGraph(NAMES, edges + [Edge(b, a, UNDIRECTED) for a, b in opened])
    )
    assert member.edges == member.directed_edges
    assert skeleton_f1(member, dag) == 1 if dag.edges else not member.edges
    assert colliders(member) == colliders(dag)


def test_a_square_without_directions_has_no_member():
    with pytest.raises(MetricUndefinedError, match="a — b; b — c; c — d; d — a"):
        directed_member(graph("", "ab bc cd da"))
    assert len(directed_member(graph("", "ab bc cd da ac")).edges) == 5


def test_a_graph_with_unobserved_causes_has_no_member():
    with pytest.raises(MetricUndefinedError, match="not with a ↔ b"):
        directed_member(CausalGraph("ab", [Edge("a", "b", BIDIRECTED)]))


def test_large_patterns_are_known_too():
    names = [f"n{number}" for number in range(12)]
    everything = [Edge(*pair, UNDIRECTED) for pair in combinations(names, 2)]
    assert is_cpdag(CausalGraph(names, everything))
    assert not is_cpdag(CausalGraph(names, [Edge(*names[:2]), *everything[1:]]))


def _matrix(one: CausalGraph) -> np.ndarray:
    return (one.adjacency(NAMES[: len(one.nodes)]) != 0).astype(np.int8)


def _causal_learn(one: CausalGraph) -> Dag:
    nodes = {name: GraphNode(name) for name in one.nodes}
    dag = Dag(list(nodes.values()))
    for edge in one.edges:
        dag.add_directed_edge(nodes[edge.source], nodes[edge.target])
    return dag


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
