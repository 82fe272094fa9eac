"""Background knowledge over columns, and claims that are brought under it."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai.errors import CapabilityError
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import BackgroundKnowledge
from causalxai_discovery.claims import Claims, settle
from causalxai_discovery.constraints import Constraints

NAMES = ("a", "b", "c", "d")
PAIRS = [(i, j) for i in range(4) for j in range(4) if i != j]


def knowledge(**groups: object) -> Constraints:
    return Constraints.of(BackgroundKnowledge(**groups), NAMES)


def before(known: Constraints) -> set[tuple[str, str]]:
    return {(NAMES[i], NAMES[j]) for i, j in zip(*np.nonzero(known.precedes), strict=True)}


def test_nothing_known_constrains_nothing():
    assert knowledge().empty
    assert knowledge().allowed.sum() == 12
    assert not before(knowledge())


def test_tiers_order_their_members_only():
    known = knowledge(tiers=(("a",), ("b", "c")))
    assert not known.empty
    assert {p for p in PAIRS if not known.allowed[p]} == {(1, 0), (2, 0)}
    # d is in no tier: b → d → a is open to it.
    assert not before(known)
    assert before(knowledge(tiers=(("a", "d"), ("b", "c")))) == {
        ("a", "b"),
        ("a", "c"),
        ("d", "b"),
        ("d", "c"),
    }


def test_a_forbidden_edge_orders_two_concepts_but_not_more():
    two = Constraints.of(BackgroundKnowledge(forbidden=(("a", "b"),)), ("a", "b"))
    assert two.precedes[1, 0]
    # a may still cause b through c.
    assert not before(knowledge(forbidden=(("a", "b"),)))


def test_required_edges_order_through_others():
    known = knowledge(required=(("a", "b"), ("b", "c")))
    assert before(known) == {("a", "b"), ("b", "c"), ("a", "c")}
    assert not known.allowed[1, 0]


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ({"required": (("a", "b"),), "forbidden": (("a", "b"),)}, "a → b is required, but"),
        ({"required": (("b", "a"),), "tiers": (("a",), ("b",))}, "against the tiers"),
        ({"required": (("a", "b"), ("b", "c"), ("c", "a"))}, "requires a cycle"),
        ({"required": (("a", "a"),)}, "a → a is required"),
        ({"forbidden": (("a", "bb"),)}, "'bb', which is not a concept"),
        ({"tiers": (("x",),)}, "there are: a, b, c, d"),
    ],
)
def test_impossible_knowledge_is_refused(groups, says):
    with pytest.raises(CapabilityError, match=says):
        knowledge(**groups)


def test_settling_sound_claims_changes_nothing():
    claims = Claims(frozenset({(0, 1), (1, 2)}), frozenset({frozenset((2, 3))}))
    settled = settle(claims, Constraints.none(4))
    assert settled.claims == claims
    assert not settled.added | settled.turned | settled.dropped | settled.loosened


def test_every_repair_is_told():
    claims = Claims(frozenset({(0, 1), (2, 3)}), frozenset({frozenset((0, 2)), frozenset((1, 2))}))
    known = knowledge(
        required=(("a", "d"),), forbidden=(("a", "b"), ("c", "a"), ("c", "d"), ("d", "c"))
    )
    settled = settle(claims, known)
    assert settled.claims.directed == {(1, 0), (0, 2), (0, 3)}
    assert settled.claims.undirected == {frozenset((1, 2))}
    assert settled.added == {(0, 3)}
    assert settled.turned == {(1, 0)}
    assert settled.dropped == {(2, 3)}


def test_a_cycle_loses_its_directions_but_not_the_required_one():
    claims = Claims(frozenset({(0, 1), (1, 2), (2, 0), (2, 3)}))
    settled = settle(claims, knowledge(required=(("a", "b"),)))
    assert settled.claims.directed == {(0, 1), (2, 3)}
    assert settled.claims.undirected == {frozenset((1, 2)), frozenset((0, 2))}
    assert settled.loosened == {(1, 2), (2, 0)}


def test_an_edge_that_may_go_one_way_only_keeps_it_in_a_cycle():
    claims = Claims(frozenset({(0, 1), (1, 2), (2, 0)}))
    settled = settle(claims, knowledge(forbidden=(("c", "b"),)))
    assert settled.claims.directed == {(1, 2)}
    assert settled.claims.undirected == {frozenset((0, 1)), frozenset((0, 2))}
    assert settled.loosened == {(0, 1), (2, 0)}


def test_a_cycle_of_edges_that_may_go_one_way_only_is_dropped():
    claims = Claims(frozenset({(0, 1), (1, 2), (2, 0), (2, 3)}))
    one_way = knowledge(forbidden=(("b", "a"), ("c", "b"), ("a", "c")))
    settled = settle(claims, one_way)
    assert settled.claims == Claims(frozenset({(2, 3)}))
    assert settled.dropped == {(0, 1), (1, 2), (2, 0)}
    assert not settled.loosened
    # Turned into the cycle, or left open in it: dropped all the same, and told once.
    for other in (
        Claims(frozenset({(1, 0), (1, 2), (2, 0)})),
        Claims(frozenset({(1, 2), (2, 0)}), frozenset({frozenset((0, 1))})),
    ):
        settled = settle(other, one_way)
        assert settled.claims == Claims(frozenset())
        assert settled.dropped == {(0, 1), (1, 2), (2, 0)}
        assert not settled.turned
    kept = settle(claims, knowledge(required=(("a", "b"),), forbidden=(("c", "b"), ("a", "c"))))
    assert kept.claims == Claims(frozenset({(0, 1), (2, 3)}))
    assert kept.dropped == {(1, 2), (2, 0)}


orders = st.permutations(range(4))
some_pairs = st.sets(st.sampled_from(PAIRS))


@given(orders, some_pairs, some_pairs, some_pairs, st.booleans())
def test_settled_claims_always_keep_to_the_knowledge(order, directed, undirected, known, tiered):
    place = {node: k for k, node in enumerate(order)}
    along = sorted((i, j) for i, j in known if place[i] < place[j])
    background = BackgroundKnowledge(
        required=[(NAMES[i], NAMES[j]) for i, j in along[::2]],
        forbidden=[
            *((NAMES[i], NAMES[j]) for i, j in along[1::2]),
            *((NAMES[i], NAMES[j]) for i, j in known if place[i] > place[j]),
        ],
        tiers=[[NAMES[i] for i in order[:2]], [NAMES[i] for i in order[2:]]] if tiered else (),
    )
    constraints = Constraints.of(background, NAMES)
    claims = Claims(frozenset(directed), frozenset(map(frozenset, undirected)))
    found = settle(claims, constraints).claims
    graph = CausalGraph(NAMES, [(NAMES[i], NAMES[j]) for i, j in found.directed])
    assert background.violations(graph) == []
    assert not {frozenset(pair) for pair in found.directed} & found.undirected
    for i, j in map(sorted, found.undirected):
        assert constraints.allowed[i, j] and constraints.allowed[j, i]
    precedes = nx.DiGraph(list(zip(*np.nonzero(constraints.precedes), strict=True)))
    assert nx.is_directed_acyclic_graph(precedes)
    assert all(constraints.precedes[pair] for pair in constraints.required)
