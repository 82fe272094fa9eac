from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causalxai import CausalGraph, Edge, EdgeKind, Node
from causalxai.report.section import Table
from causalxai_glance.edge_evidence import Witnesses, confirmed_edges
from causalxai_glance.report.evidence import witness_section

NAMES = ("a", "b", "c")
WEIGHTS = np.array([[0.0, 0.9, 0.05], [0.1, 0.0, -0.6], [0.3, 0.0, 0.0]])


@pytest.fixture
def witnesses() -> Witnesses:
    return Witnesses(
        names=NAMES,
        labelled=frozenset({(0, 1), (0, 2), (1, 2)}),
        required=frozenset(),
        margins={(0, 1): (80.0, 40.0), (0, 2): (9.0, np.inf), (1, 2): (30.0, 1.0)},
        told=frozenset({(0, 1), (0, 2)}),
        weights=WEIGHTS,
        spread=np.stack([WEIGHTS - 0.01, WEIGHTS, WEIGHTS + 0.01]),
        label_frequency=np.full((3, 3), 0.75),
        threshold=0.2,
        unfaithful=frozenset(),
        perceived=None,
    )


def graph_of(witnesses: Witnesses) -> CausalGraph:
    return CausalGraph(NAMES, witnesses.edges(), annotations=witnesses.findings())


def pairs(witnesses: Witnesses) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in witnesses.edges()}


def test_an_edge_needs_the_labels_and_the_oracle(witnesses: Witnesses):
    assert pairs(witnesses) == {("a", "b"), ("b", "c")}
    found = witnesses.findings()
    assert found["not_perceived"] == [{"source": "a", "target": "c", "weight": 0.05}]
    assert found["perceived_only"] == [{"source": "c", "target": "a", "weight": 0.3}]


def test_each_witness_is_told_apart(witnesses: Witnesses):
    edge = next(iter(witnesses.edges()))
    assert (edge.weight, edge.frequency) == (0.9, 0.75)
    assert edge.low == pytest.approx(0.89, abs=1e-3)
    evidence = {"nats_over_none": 80, "nats_over_reverse": 40, "confirmed": 1}
    assert edge.annotations == {"evidence": evidence}


def test_a_direction_that_is_not_told_is_marked(witnesses: Witnesses):
    found = witnesses.findings()["undetermined"]
    assert found == [{"source": "b", "target": "c", "weight": -0.6}]
    assert [str(edge) for edge in witnesses.edges()] == ["a → b", "b — c"]
    table = next(item for item in witness_section(graph_of(witnesses)).items)
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["a → b", "b — c"]


def test_what_the_twin_does_not_obey_confirms_nothing(witnesses: Witnesses):
    doubtful = replace(witnesses, unfaithful=frozenset({0}))
    assert pairs(doubtful) == {("b", "c")}
    found = doubtful.findings()
    assert found["unfaithful"] == ["a"]
    assert [(edge["source"], edge["target"]) for edge in found["unconfirmed"]] == [
        ("a", "b"),
        ("a", "c"),
    ]
    assert found["not_perceived"] == found["perceived_only"] == []


def test_what_the_user_requires_is_an_edge_whatever_the_oracle_says(witnesses: Witnesses):
    assert pairs(replace(witnesses, required=frozenset({(0, 2)}))) == {
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    }


def perceived_graph(
    *edges: Edge | tuple[str, str], unread: str = "", false: list[str] | None = None
) -> CausalGraph:
    low = {"unread": "R² is low"}
    nodes = [Node(name, annotations=low if name in unread else {}) for name in NAMES]
    return CausalGraph(nodes, edges, annotations={"false_edges": [[*pair] for pair in false or []]})


def last_cells(witnesses: Witnesses) -> list[str]:
    table = witness_section(graph_of(witnesses)).items[0]
    assert isinstance(table, Table)
    return [row[-1] for row in table.rows]


@pytest.mark.parametrize(
    ("edges", "verdict"),
    [([("a", "b")], "the same"), ([("b", "a")], "reversed"), ([("a", "c")], "no edge")],
)
def test_perception_speaks_of_direction_by_itself(witnesses, edges, verdict):
    heard = replace(witnesses, perceived=perceived_graph(*edges))
    assert next(iter(heard.edges())).annotations["evidence"]["perception"] == verdict
    assert last_cells(heard)[0] == verdict


EITHER_WAY = Edge("b", "a", EdgeKind.UNDIRECTED)


@pytest.mark.parametrize(
    ("perceived", "why"),
    [
        (perceived_graph(unread="a"), "not read"),
        (perceived_graph(false=["ba"]), "instrument not clean"),
        (perceived_graph(false=["ca", "ab"]), "instrument not clean"),
        (perceived_graph(EITHER_WAY), "either way"),
        (perceived_graph(unread="b", false=["ba"]), "not read"),
    ],
)
def test_perception_that_can_not_tell_is_no_witness_against_an_edge(witnesses, perceived, why):
    heard = replace(witnesses, perceived=perceived)
    assert next(iter(heard.edges())).annotations["evidence"]["perception"] == why
    assert last_cells(heard)[0] == why


def test_what_perception_can_not_read_is_shown(witnesses: Witnesses):
    heard = replace(witnesses, perceived=perceived_graph(EITHER_WAY, unread="c"))
    known = heard.findings()
    assert known["unread"] == ["c"]
    assert known["perceived_edges"] == [{"source": "b", "target": "a", "kind": "undirected"}]
    assert last_cells(heard) == ["either way", "not read"]
    found = witness_section(graph_of(heard)).items[1]
    assert isinstance(found, Table)
    assert [value for what, value in found.rows if "does not read" in what] == ["c"]


def test_an_unasked_witness_says_nothing(witnesses: Witnesses):
    assert last_cells(witnesses) == ["not heard", "not heard"]


def test_the_report_says_what_is_no_edge(witnesses: Witnesses):
    items = witness_section(graph_of(witnesses)).items
    told = [cell for item in items if isinstance(item, Table) for row in item.rows for cell in row]
    assert any("a → c (0.05)" in cell for cell in told)
    assert any("c → a (0.30)" in cell for cell in told)


def test_confirmed_edges_are_the_discoverers(witnesses: Witnesses):
    found = confirmed_edges(witnesses.labelled, WEIGHTS, frozenset(), 0.2)
    assert {(NAMES[i], NAMES[j]) for i, j in found} == pairs(witnesses)
