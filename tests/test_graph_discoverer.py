from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai import (
    BackgroundKnowledge,
    CausalGraph,
    Edge,
    EdgeKind,
    GraphDiscoverer,
    ScoringInputs,
)
from causalxai.capabilities import Capability
from causalxai.errors import CapabilityError, ContractError

CHAIN = CausalGraph("abc", [("a", "b"), ("b", "c")])


class Chain(GraphDiscoverer):
    """Finds a → b → c, whatever it is told."""

    requires: frozenset[Capability] = frozenset()

    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        return CHAIN


class Asking(Chain):
    requires = frozenset({Capability.ORACLE, Capability.READBACK})


def test_a_graph_that_keeps_to_what_is_known_is_returned(inputs: ScoringInputs):
    known = {"required": [("a", "b")], "forbidden": [("b", "a")], "tiers": [("a",), ("b", "c")]}
    assert Chain(background=known).discover(inputs) is CHAIN
    assert Chain().discover(inputs) is CHAIN


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"required": [("a", "c")]}, "a → c is required"),
        ({"forbidden": [("b", "c")]}, "b → c is forbidden"),
        ({"tiers": [("b",), ("a",)]}, "a → b leads back to an earlier tier"),
        ({"tiers": [("c",), ("a", "b")]}, "b → c leads back to an earlier tier"),
    ],
)
def test_ignored_knowledge_is_blamed_on_the_discoverer(
    known: dict[str, Any], told: str, inputs: ScoringInputs
):
    with pytest.raises(ContractError) as raised:
        Chain(background=known).discover(inputs)
    assert str(raised.value) == f"{__name__}.Chain ignores background knowledge: {told}"


def test_all_that_is_ignored_is_told_at_once():
    known = BackgroundKnowledge(required=[("c", "a")], forbidden=[("a", "b"), ("b", "c")])
    assert known.violations(CHAIN) == [
        "c → a is required",
        "a → b is forbidden",
        "b → c is forbidden",
    ]


@given(order=st.permutations("abcd"), cut=st.integers(0, 3), named=st.integers(0, 4))
def test_tiers_forbid_exactly_the_edges_that_lead_back(order: list[str], cut: int, named: int):
    """Nodes that no tier names are free."""
    early, late = order[:cut], order[cut:named]
    tiers = BackgroundKnowledge(tiers=[early, late])
    for source in order:
        for target in set(order) - {source}:
            broken = tiers.violations(CausalGraph("abcd", [(source, target)]))
            assert bool(broken) == (source in late and target in early)


@pytest.mark.parametrize(
    ("kind", "forward", "backward"),
    [
        (EdgeKind.DIRECTED, True, False),
        (EdgeKind.UNDIRECTED, True, True),
        (EdgeKind.BIDIRECTED, False, False),
        (EdgeKind.PARTIALLY_DIRECTED, True, False),
        (EdgeKind.UNORIENTED, True, True),
    ],
)
def test_no_forbidden_direction_may_be_left_open(kind: EdgeKind, forward: bool, backward: bool):
    graph = CausalGraph("ab", [Edge("a", "b", kind)])
    for ends, left_open in ((("a", "b"), forward), (("b", "a"), backward)):
        tiers = ((ends[1],), (ends[0],))
        for known in (BackgroundKnowledge(forbidden=(ends,)), BackgroundKnowledge(tiers=tiers)):
            assert bool(known.violations(graph)) is left_open
        required = BackgroundKnowledge(required=(ends,)).violations(graph)
        assert (not required) is (kind is EdgeKind.DIRECTED and left_open)


def test_a_direction_left_open_against_knowledge_is_told():
    graph = CausalGraph("ab", [Edge("a", "b", EdgeKind.UNDIRECTED)])
    known = BackgroundKnowledge(forbidden=(("b", "a"),))
    assert known.violations(graph) == ["b → a is forbidden, and a — b leaves it open"]


def test_a_missing_capability_is_told_by_the_discoverers_name(inputs: ScoringInputs):
    with pytest.raises(
        CapabilityError, match=r"Asking needs an oracle .*readback.*; this run has no capability"
    ):
        Asking().discover(inputs)
    with pytest.raises(CapabilityError, match=r"Asking needs an oracle .*; this run has graph"):
        Asking().discover(replace(inputs, graph=CHAIN))


def test_knowledge_becomes_places_among_names():
    known = BackgroundKnowledge(
        required=(("a", "b"),), forbidden=(("c", "a"),), tiers=(("a",), ("b",))
    )
    assert known.among(("a", "b", "c")) == ({(0, 1)}, {(2, 0), (1, 0)})
    assert known.among(("c", "b", "a")) == ({(2, 1)}, {(0, 2), (1, 2)})


@pytest.mark.parametrize(
    ("known", "complaint"),
    [
        ({"required": (("a", "bb"),)}, "'bb', which is not a concept.*a, b"),
        ({"tiers": (("d",),)}, "'d', which is not a concept"),
        ({"required": (("a", "b"), ("b", "a"))}, "requires a cycle"),
        ({"required": (("a", "b"),), "forbidden": (("a", "b"),)}, "a → b is required, but"),
        ({"required": (("b", "a"),), "tiers": (("a",), ("b",))}, "b → a is required, but"),
    ],
)
def test_knowledge_that_nothing_can_satisfy_is_told(known: dict[str, Any], complaint: str):
    with pytest.raises(CapabilityError, match=complaint):
        BackgroundKnowledge(**known).among(("a", "b"))
