"""The graph from single interventions, against the structural model behind the toy world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from causalxai import NodeKind
from causalxai.errors import ContractError
from causalxai.generic.effects import Effects, Responses
from causalxai.oracle import Response
from causalxai.seeding import torch_generator
from causalxai.testing import toy_world
from causalxai.testing.toys import CLASSES, CONCEPTS, ToyOracle


@pytest.mark.parametrize("seed", range(5))
def test_the_graph_is_that_of_the_structural_model(seed: int):
    world = toy_world(seed)
    graph = Effects(threshold=0.0).discover(world.inputs())
    scale = dict(zip(CONCEPTS, (one.scale for one in world.space.concepts), strict=True))
    found = {(e.source, e.target): e.weight for e in graph.edges if e.target in CONCEPTS}
    truth = {(e.source, e.target): e.weight for e in world.scm.graph().edges}
    assert set(found) == set(truth)
    for (source, target), weight in truth.items():
        expected = weight * scale[source] / scale[target]
        assert found[source, target] == pytest.approx(expected, abs=1e-3)
    for place, concept in enumerate(CONCEPTS):
        for k, name in enumerate(CLASSES):
            expected = float(world.reads[place, k]) * scale[concept]
            edge = graph.edge(concept, f"class {name}")
            assert edge.weight == pytest.approx(expected, abs=2e-3)
            assert edge.frequency == 1.0


def test_weak_effects_are_left_out():
    world = toy_world(0)
    scale = np.array([one.scale for one in world.space.concepts])
    size = np.abs(world.reads.numpy() * scale[:, None])
    graph = Effects(threshold=0.5, least_effect=10.0).discover(world.inputs())
    strong = {
        (CONCEPTS[i], f"class {CLASSES[k]}")
        for i, k in zip(*np.nonzero(size >= 0.5 * size.max()), strict=True)
    }
    assert {(edge.source, edge.target) for edge in graph.edges} == strong


def test_background_knowledge_turns_edges():
    world = toy_world(0)
    edge = world.scm.graph().edges[0]
    pair = (edge.source, edge.target)
    forbidden = Effects(background={"forbidden": [pair]}).discover(world.inputs())
    assert not forbidden.has_edge(*pair)
    turned = Effects(background={"required": [pair[::-1]]}).discover(world.inputs())
    assert turned.has_edge(*pair[::-1]) and not turned.has_edge(*pair)
    assert list(pair) in turned.annotations["cycles"]
    with pytest.raises(ContractError, match="is required"):
        absurd = {"required": [("class star", CONCEPTS[0])]}
        Effects(background=absurd).discover(world.inputs())


def test_direct_effects_of_a_linear_model_are_solved_for():
    rng = np.random.default_rng(0)
    direct = np.triu(rng.normal(size=(5, 5)), k=1)
    reads = rng.normal(size=(5, 3))
    total = np.linalg.inv(np.eye(5) - direct)
    # A readback that moves less than what was done is taken for one unit of what it moved.
    obeys = np.array([1.0, 0.6, 2.0, 0.8, 1.0])[:, None]
    found = Responses((obeys * total)[None], (obeys * total @ reads)[None])
    concepts, logits = found.direct()
    np.testing.assert_allclose(concepts, direct, atol=1e-9)
    np.testing.assert_allclose(logits, reads, atol=1e-9)


def test_a_concept_that_does_not_obey_tells_nothing_of_others():
    total = np.array([[0.01, 0.7], [0.0, 1.0]])
    concepts, _ = Responses(total[None], np.ones((1, 2, 1))).direct()
    assert not concepts.any()


def test_concepts_that_do_nothing_are_rarely_edges(pair):
    found = pair("patches")
    kept = []
    for seed in range(30):
        noise = torch_generator(seed)

        class Noisy(type(found.oracle)):
            def _respond(self, units, interventions, want, noise=noise):
                shape = interventions.apply(units.values).shape[:2]
                return Response(logits=torch.randn(*shape, 2, generator=noise))

        oracle = Noisy().bind(found.classifier, found.space)
        parts = replace(found, oracle=oracle, rng=torch_generator(seed))
        kept.append(len(Effects(threshold=0.0).discover(parts).edges) / 18)
    assert sum(kept) / len(kept) < 0.09


def test_without_readback_concepts_have_no_edges_among_them():
    world = toy_world(0)

    class Mute(ToyOracle):
        capabilities = frozenset()

    oracle = Mute(world.oracle.config).bind(world.classifier, world.space)
    graph = Effects(threshold=0.0).discover(replace(world.inputs(), oracle=oracle))
    assert graph.edges
    assert all(edge.target not in CONCEPTS for edge in graph.edges)
    # Nobody has read what follows, and so effects are total ones.
    scale = world.space.concepts[0].scale
    edge = graph.edge(CONCEPTS[0], f"class {CLASSES[0]}")
    assert edge.weight == pytest.approx(scale * float(world.logit_effects[0, 0]), abs=2e-3)


def test_a_concept_may_be_called_like_the_node_of_a_class(monkeypatch: pytest.MonkeyPatch):
    world = toy_world(0)
    names = (f"class {CLASSES[0]}", *CONCEPTS[1:])
    monkeypatch.setattr(world.space, "_names", names)
    graph = Effects(threshold=0.0).discover(world.inputs())
    assert graph.nodes[: len(names)] == names
    classes = graph.of_kind(NodeKind.CLASS)
    assert [node.name for node in classes] == [
        f"class {CLASSES[0]} (predicted)",
        *(f"class {name}" for name in CLASSES[1:]),
    ]
    assert [node.title for node in classes] == list(CLASSES)


def test_concepts_that_cannot_cause_one_another_have_no_edges_among_them():
    world = toy_world(0)
    edges = Effects(threshold=0.0).discover(world.inputs()).edges
    assert any(edge.target in CONCEPTS for edge in edges)
    apart = Effects(threshold=0.0, among_concepts=False).discover(world.inputs()).edges
    assert apart and not any(edge.target in CONCEPTS for edge in apart)
