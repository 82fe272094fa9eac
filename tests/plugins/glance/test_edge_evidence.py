from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causalxai import CausalGraph, Edge, EdgeKind, Node
from causalxai.report.section import Table
from causalxai_glance.edge_evidence import EdgeEvidence, confirmed_edges
from causalxai_glance.report.evidence import evidence_section

NAMES = ("a", "b", "c")
WEIGHTS = np.array([[0.0, 0.9, 0.05], [0.1, 0.0, -0.6], [0.3, 0.0, 0.0]])


@pytest.fixture
def evidence() -> EdgeEvidence:
    return EdgeEvidence(
        names=NAMES,
        labelled=frozenset({(0, 1), (0, 2), (1, 2)}),
        required=frozenset(),
        margins={(0, 1): (80.0, 40.0), (0, 2): (9.0, np.inf), (1, 2): (30.0, 1.0)},
        oriented=frozenset({(0, 1), (0, 2)}),
        doubtful=frozenset(),
        weights=WEIGHTS,
        spread=np.stack([WEIGHTS - 0.01, WEIGHTS, WEIGHTS + 0.01]),
        label_frequency=np.full((3, 3), 0.75),
        threshold=0.2,
        units=20,
        unfaithful=frozenset(),
        perceived=None,
    )


def graph_of(evidence: EdgeEvidence) -> CausalGraph:
    return CausalGraph(NAMES, evidence.edges(), annotations=evidence.findings())


def pairs(evidence: EdgeEvidence) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in evidence.edges()}


def test_an_edge_needs_the_labels_and_the_oracle(evidence: EdgeEvidence):
    assert pairs(evidence) == {("a", "b"), ("b", "c")}
    found = evidence.findings()
    assert found["not_perceived"] == [{"source": "a", "target": "c", "weight": 0.05}]
    assert found["perceived_only"] == [{"source": "c", "target": "a", "weight": 0.3}]


def test_each_kind_of_evidence_is_reported_separately(evidence: EdgeEvidence):
    edge = next(iter(evidence.edges()))
    assert (edge.weight, edge.frequency) == (0.9, 0.75)
    assert edge.low == pytest.approx(0.89, abs=1e-3)
    evidence = {"nats_over_none": 80, "nats_over_reverse": 40, "confirmed": 1}
    assert edge.annotations == {"evidence": evidence}


def test_a_direction_that_uneven_noise_puts_in_doubt_is_told_apart(evidence: EdgeEvidence):
    evidence = replace(
        evidence, oriented=frozenset({(0, 2)}), doubtful=frozenset({(0, 1)}), perceived=None
    )
    found = evidence.findings()
    assert found["uneven_noise"] == [{"source": "a", "target": "b", "weight": 0.9}]
    assert found["undetermined"] == [{"source": "b", "target": "c", "weight": -0.6}]
    assert next(iter(evidence.edges())).kind is EdgeKind.UNDIRECTED
    tables = [
        item for item in evidence_section(graph_of(evidence)).items if isinstance(item, Table)
    ]
    (reason,) = [row for row in tables[-1].rows if "spread of the noise" in row[0]]
    assert reason[1] == "a → b (0.90)"


def test_a_direction_that_is_not_told_is_marked(evidence: EdgeEvidence):
    found = evidence.findings()["undetermined"]
    assert found == [{"source": "b", "target": "c", "weight": -0.6}]
    assert [str(edge) for edge in evidence.edges()] == ["a → b", "b — c"]
    table = next(item for item in evidence_section(graph_of(evidence)).items)
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["a → b", "b — c"]


def test_what_the_twin_does_not_obey_confirms_nothing(evidence: EdgeEvidence):
    doubtful = replace(evidence, unfaithful=frozenset({0}))
    assert pairs(doubtful) == {("b", "c")}
    found = doubtful.findings()
    assert found["unfaithful"] == ["a"]
    assert [(edge["source"], edge["target"]) for edge in found["unconfirmed"]] == [
        ("a", "b"),
        ("a", "c"),
    ]
    assert found["not_perceived"] == found["perceived_only"] == []


def test_what_the_user_requires_is_an_edge_whatever_the_oracle_says(evidence: EdgeEvidence):
    assert pairs(replace(evidence, required=frozenset({(0, 2)}))) == {
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


def last_cells(evidence: EdgeEvidence) -> list[str]:
    table = evidence_section(graph_of(evidence)).items[0]
    assert isinstance(table, Table)
    return [row[-1] for row in table.rows]


@pytest.mark.parametrize(
    ("edges", "verdict"),
    [([("a", "b")], "the same"), ([("b", "a")], "reversed"), ([("a", "c")], "no edge")],
)
def test_perception_speaks_of_direction_by_itself(evidence, edges, verdict):
    with_perception = replace(evidence, perceived=perceived_graph(*edges))
    assert next(iter(with_perception.edges())).annotations["evidence"]["perception"] == verdict
    assert last_cells(with_perception)[0] == verdict


UNORIENTED = Edge("b", "a", EdgeKind.UNDIRECTED)


@pytest.mark.parametrize(
    ("perceived", "why"),
    [
        (perceived_graph(unread="a"), "not read"),
        (perceived_graph(false=["ba"]), "found in the control"),
        (perceived_graph(false=["ca", "ab"]), "found in the control"),
        (perceived_graph(UNORIENTED), "unoriented"),
        (perceived_graph(unread="b", false=["ba"]), "not read"),
    ],
)
def test_perception_without_a_verdict_is_no_evidence_against_an_edge(evidence, perceived, why):
    with_perception = replace(evidence, perceived=perceived)
    assert next(iter(with_perception.edges())).annotations["evidence"]["perception"] == why
    assert last_cells(with_perception)[0] == why


def test_what_perception_can_not_read_is_shown(evidence: EdgeEvidence):
    with_perception = replace(evidence, perceived=perceived_graph(UNORIENTED, unread="c"))
    known = with_perception.findings()
    assert known["unread"] == ["c"]
    assert known["perceived_edges"] == [{"source": "b", "target": "a", "kind": "undirected"}]
    assert last_cells(with_perception) == ["unoriented", "not read"]
    found = evidence_section(graph_of(with_perception)).items[1]
    assert isinstance(found, Table)
    assert [value for what, value in found.rows if "does not read" in what] == ["c"]


def test_perception_that_was_not_asked_says_nothing(evidence: EdgeEvidence):
    assert last_cells(evidence) == ["not used", "not used"]


def test_the_report_says_what_is_no_edge(evidence: EdgeEvidence):
    items = evidence_section(graph_of(evidence)).items
    cells = [cell for item in items if isinstance(item, Table) for row in item.rows for cell in row]
    assert any("a → c (0.05)" in cell for cell in cells)
    assert any("c → a (0.30)" in cell for cell in cells)


def test_confirmed_edges_are_the_discoverers(evidence: EdgeEvidence):
    found = confirmed_edges(evidence.labelled, WEIGHTS, frozenset(), 0.2)
    assert {(NAMES[i], NAMES[j]) for i, j in found} == pairs(evidence)
