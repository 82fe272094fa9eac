"""The section on the graph: its words, its drawing and what concepts mean."""

from __future__ import annotations

from typing import Any

import pytest

from causalxai import CausalGraph
from causalxai.graph import Edge, EdgeKind, Node, NodeKind
from causalxai.report.section import Figure, Text
from causalxai_glance.report.graph import _apart, concept_meanings, graph_section
from tests.plugins.glance.report.sections import items, words
from tests.plugins.glance.report.small_explanation import NAMES, explanation

TRUTH = CausalGraph("abcd", [("a", "b"), ("b", "c"), ("a", "d")])

# A line and its head.
OF_AN_ARROW = 2


def test_the_graph_is_scored_in_words():
    found = CausalGraph("abcd", [Edge("a", "b", weight=0.5, frequency=0.9), ("c", "b"), ("c", "d")])
    section = graph_section(found, TRUTH)
    assert words(section) == (
        "True edges found: 1 of 3; reversed: 1; missed: 1; found that are not true: 1."
    )
    [figure] = items(section, Figure)
    assert "a → b; c → b; c → d" in figure.alt
    assert "+0.50 · 90%" in figure.svg
    assert figure.svg.count("stroke-dasharray") == 3 * OF_AN_ARROW


def test_an_edge_without_a_direction_is_neither_right_nor_wrong():
    edges = [Edge("a", "b"), Edge("c", "b", EdgeKind.UNDIRECTED)]
    section = graph_section(CausalGraph("abcd", edges), TRUTH)
    assert words(section) == (
        "True edges found: 1 of 3; with the direction left open: 1; reversed: 0; missed: 1; "
        "found that are not true: 0."
    )
    assert "A line without a head" in items(section, Figure)[0].caption


@pytest.mark.parametrize("edges", [[], [("a", "b"), ("b", "c"), ("a", "d")]])
def test_lines_are_dashed_only_where_something_is_wrong(edges):
    [figure] = items(graph_section(CausalGraph("abcd", edges), TRUTH), Figure)
    assert figure.svg.count("stroke-dasharray") == OF_AN_ARROW * (3 - len(edges))


def test_a_graph_without_truth_and_with_a_prediction():
    edges = [Edge("a", "b", weight=-0.25), Edge("b", "prediction", weight=0.125)]
    found = CausalGraph(["a", "b", "prediction"], edges, tiers={"a": 0, "b": 0, "prediction": 1})
    section = graph_section(found, None, title="What it sees", more=[Text("more")])
    assert section.title == "What it sees"
    assert words(section) == "more"
    [figure] = items(section, Figure)
    assert "\N{MINUS SIGN}0.25" in figure.svg and "prediction" in figure.svg
    beside = graph_section(found, CausalGraph("ab", [("a", "b")]))
    assert "found: 1 of 1; reversed: 0; missed: 0; found that are not true: 0" in words(beside)
    assert "does not cover" in items(beside, Figure)[0].caption


def found(**annotations: Any) -> CausalGraph:
    nodes = [*map(Node, "abc"), Node("prediction", NodeKind.PREDICTION)]
    edges = [
        Edge("a", "b", weight=0.5),
        Edge("a", "prediction", weight=0.9, annotations={"doubt": "not faithful"}),
        Edge("b", "prediction", weight=0.25),
    ]
    return CausalGraph(nodes, edges, annotations=annotations)


def test_what_the_graph_found_is_said_in_a_sentence():
    assert graph_section(found()).finding == (
        "Between the concepts, 1 edge was found: a → b; the prediction is moved most by b, one "
        "unit of which shifts 0.25 of the probability."
    )
    many = CausalGraph("abcdef", [("a", other) for other in "bcdef"])
    assert graph_section(many).finding == (
        "Between the concepts, 5 edges were found: a → b, a → c, a → d, a → e, …."
    )
    assert graph_section(CausalGraph("ab")).finding == "No edge was found between the concepts."


def test_a_twin_that_is_not_faithful_is_doubted():
    assert graph_section(found()).doubt == ""
    assert graph_section(found(unfaithful=["a"])).doubt == (
        "The twin is not faithful in a: do not believe the what-ifs about this concept."
    )
    [drawing] = [item for item in graph_section(found()).items if isinstance(item, Figure)]
    assert "Purple and dotted: not to be believed" in drawing.caption


def test_what_labels_and_oracle_disagree_on_is_drawn_apart():
    graph = found(not_perceived=[{"source": "b", "target": "c", "weight": 0.1}])
    assert _apart(graph) == {
        "not perceived: found in the labels alone": [("b", "c")],
        "perceived only: not found in the labels": [],
    }


def test_a_concept_means_what_changes_with_it():
    given = explanation()
    meanings = concept_meanings(given)
    assert meanings.keys() == set(NAMES)
    first = [one for one in given.what_ifs if one.row == 0 and len(one.changes) == 1]
    captions = [f"{one.words}: {one.confidence(2):.0%}" for one in first]
    shown_captions = [one.caption for name in NAMES for one in meanings[name].pictures]
    assert sorted(shown_captions) == sorted(captions)
    assert concept_meanings(None) == {}
