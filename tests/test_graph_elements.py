from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from causalxai import Edge, EdgeKind, Node, NodeKind


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
def test_an_edge_admits_the_directions_that_it_leaves_open(
    kind: EdgeKind, forward: bool, backward: bool
):
    edge = Edge("a", "b", kind)
    assert (edge.admits("a", "b"), edge.admits("b", "a")) == (forward, backward)
    assert not edge.admits("a", "c")


def test_numbers_of_numpy_become_json():
    edge = Edge("a", "b", weight=np.float64(0.5), annotations={"gain": np.float64(0.5)})
    assert edge == Edge("a", "b", weight=0.5, annotations={"gain": 0.5})
    assert [type(edge.weight), type(edge.annotations["gain"])] == [float, float]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_edge_is_finite(value: float):
    with pytest.raises(ValueError, match="'a' → 'b': weight must be finite"):
        Edge("a", "b", weight=value)


@pytest.mark.parametrize("kind", list(EdgeKind))
def test_edges_claim_the_same_from_either_end_where_their_marks_are_the_same(kind: EdgeKind):
    one, other = Edge("a", "b", kind), Edge("b", "a", kind, weight=0.5)
    assert (one.claim == other.claim) == kind.symmetric
    assert one.pair == other.pair == {"a", "b"}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Edge("a", "b", annotations={"x": {1, 2}}), "edge 'a' → 'b'.'x'. is a set"),
        (lambda: Edge("a", "b", annotations={"x": [math.nan]}), "must be finite"),
        (lambda: Node("a", annotations={"x": {1: "y"}}), "node 'a'.'x'. has the key 1"),
        (lambda: Edge("a", "a"), "edge 'a' → 'a' joins a node to itself"),
        (lambda: Node.from_json({"id": "a", "kind": "x"}), "node 'a' is of kind 'x', which is"),
    ],
)
def test_what_says_nothing_is_refused(build: Callable[[], object], message: str):
    with pytest.raises(ValueError, match=message):
        build()


def test_annotations_are_a_copy():
    seen = [1]
    node, edge = Node("a", annotations={"seen": seen}), Edge("a", "b", annotations={"seen": seen})
    seen.append(2)
    assert node.annotations == edge.annotations == {"seen": [1]}


def test_unknown_attributes_become_annotations():
    data = {"id": 1, "label": "1", "colour": "red", "annotations": {"r2": 0.5}}
    assert Node.from_json(data) == Node("1", annotations={"colour": "red", "r2": 0.5})
    data = {"source": 1, "target": "b", "key": 0, "gain": 2}
    assert Edge.from_json(data) == Edge("1", "b", annotations={"gain": 2})


def test_what_is_unknown_is_left_out_of_json():
    assert Node("a").to_json() == {"id": "a", "kind": "concept"}
    assert Node("a", NodeKind.CLASS, label="x", tier=0).to_json() == {
        "id": "a", "kind": "class", "label": "x", "tier": 0,
    }  # fmt: skip
    assert Edge("a", "b", weight=0.0).to_json() == {
        "source": "a", "target": "b", "kind": "directed", "weight": 0.0,
    }  # fmt: skip
