from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai import CausalGraph, Intervention, Oracle, Response, ScoringInputs
from causalxai.capabilities import Capability, expect, require
from causalxai.concept import Units
from causalxai.errors import CapabilityError

GRAPH = CausalGraph("ab", [("a", "b")])


class Rendering(Oracle):
    capabilities = frozenset({Capability.IMAGES})

    def _respond(self, units: Units, interventions: Intervention, want: object) -> Response:
        raise NotImplementedError


def test_capabilities_are_what_a_run_has(inputs: ScoringInputs):
    assert inputs.capabilities == set()
    assert replace(inputs, graph=GRAPH).capabilities == {Capability.GRAPH}
    with_oracle = replace(inputs, oracle=Rendering())
    assert with_oracle.capabilities == {Capability.ORACLE, Capability.IMAGES}
    measured = replace(inputs.dataset.train, concepts=torch.zeros(40, 1))
    dataset = replace(inputs.dataset, train=measured, concept_names=("thickness",))
    assert replace(inputs, dataset=dataset).capabilities == {Capability.OBSERVATIONS}


def test_what_is_missing_is_named_beside_what_the_run_has(inputs: ScoringInputs):
    run = replace(inputs, graph=GRAPH, oracle=Rendering())
    run.require(frozenset({Capability.GRAPH, Capability.IMAGES}), "me")
    needed = frozenset({Capability.CONCEPTS, Capability.GRAPH, Capability.OBSERVATIONS})
    with pytest.raises(CapabilityError) as raised:
        run.require(needed, "me")
    assert str(raised.value) == (
        "me needs a concept space ('concepts'), observations (labels of the concepts, in the data "
        "set); this run has graph, images, oracle"
    )


def test_every_capability_has_a_meaning():
    for capability in Capability:
        with pytest.raises(CapabilityError, match="this run has no capability"):
            require(frozenset({capability}), frozenset(), "me")


def test_parts_that_a_run_lacks_are_refused_in_words(inputs: ScoringInputs):
    for need in (inputs.need_space, inputs.need_oracle, inputs.need_graph):
        with pytest.raises(CapabilityError, match="this run has none"):
            need()
    with pytest.raises(CapabilityError, match="me runs the explainer again, but this run has none"):
        inputs.need_explainer("me")
    run = replace(inputs, graph=GRAPH, oracle=Rendering())
    assert run.need_graph() is GRAPH
    assert run.need_oracle() is run.oracle


def test_a_part_of_another_class_is_refused_in_words():
    oracle = Rendering()
    assert expect(oracle, Rendering, "me") is oracle
    with pytest.raises(CapabilityError, match="me works with Rendering, not with CausalGraph"):
        expect(GRAPH, Rendering, "me")
