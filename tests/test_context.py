from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest
import torch

from causalxai import CausalGraph, Classifier, Context, Dataset, Intervention, Oracle, Response
from causalxai.concept_space import Units
from causalxai.errors import CapabilityError

GRAPH = CausalGraph("ab", [("a", "b")])


class Rendering(Oracle):
    capabilities: ClassVar[frozenset[str]] = frozenset({"render", "gradient"})

    def _respond(self, units: Units, interventions: Intervention, want: object) -> Response:
        raise NotImplementedError


def test_capabilities_are_what_is_there(context: Context):
    assert context.capabilities == set()
    assert replace(context, graph=GRAPH).capabilities == {"graph"}
    with_oracle = replace(context, oracle=Rendering())
    assert with_oracle.capabilities == {"oracle", "render", "gradient"}
    measured = replace(context.dataset.train, concepts=torch.zeros(40, 1))
    dataset = replace(context.dataset, train=measured, concept_names=("thickness",))
    observed = replace(context, dataset=dataset)
    assert observed.capabilities == {"observations"}


def test_what_is_missing_is_told_with_what_is_there(context: Context):
    there = replace(context, graph=GRAPH, oracle=Rendering())
    there.require(frozenset({"graph", "render"}), "me")
    with pytest.raises(CapabilityError) as raised:
        there.require(frozenset({"space", "graph", "observations"}), "me")
    assert str(raised.value) == (
        "me needs observations (labels of the concepts, in the data set), space; "
        "this pipeline has gradient, graph, oracle, render"
    )


def test_parts_are_found_by_their_kind(context: Context):
    there = replace(context, graph=GRAPH, oracle=Rendering())
    assert there.expect(Rendering, "me") is there.oracle
    assert there.expect(CausalGraph, "me") is GRAPH
    assert there.expect(Classifier, "me") is context.classifier
    assert there.expect(Dataset, "me") is context.dataset
    with pytest.raises(CapabilityError, match="me works with Rendering; this pipeline has none"):
        context.expect(Rendering, "me")
