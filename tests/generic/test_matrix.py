"""Every generic part with every built-in pair of a concept space and an oracle."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from causalxai import CausalGraph, Explainer, Explanation, GraphDiscoverer, ScoringInputs
from causalxai.capabilities import Capability
from causalxai.concept import unit_changes
from causalxai.generic.concept_lime import ConceptLime
from causalxai.generic.effects import Effects
from causalxai.generic.minimal_sets import MinimalSetsExplainer
from causalxai.generic.shapley import Shapley
from causalxai.generic.single_effects import SingleEffects
from causalxai.intervention import Intervention
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, parametrize_with_checks, toy_world

PAIRS = ("toy", "rendered", "patches", "glance", "dvae", "parameters")
EXPLAINERS: dict[str, Callable[[], Explainer]] = {
    "single-effects": partial(SingleEffects, most=12),
    "shapley": partial(Shapley, most=12, orders=2),
    "minimal-sets": partial(MinimalSetsExplainer, most=12, largest=4),
    "concept-lime": partial(ConceptLime, most=12, samples=40),
}
Pair = Callable[[str], ScoringInputs]


def explained(name: str, parts: ScoringInputs, n: int = 4) -> Explanation:
    images = parts.dataset.test.images[:n]
    return EXPLAINERS[name]().explain(images, parts.classifier.predict(images), parts)


def by_hand(explanation: Explanation, parts: ScoringInputs, column: int) -> Tensor:
    """Return what one unit more of a concept adds to the logit, asked of the oracle alone."""
    oracle = parts.oracle
    place = oracle.space.names().index(explanation.concepts[column])
    units = oracle.space.encode(explanation.images)
    change = unit_changes([oracle.space.concepts[place]], units.values[:, [place]])
    done = Intervention.set(torch.tensor([place]), change.set_to.T[..., None])
    rows = torch.arange(len(explanation))
    before = oracle.query(units, Intervention.none()).answer("logits")[0, rows, explanation.target]
    after = oracle.query(units, done).answer("logits")[0, rows, explanation.target]
    return ((after - before) / change.share[:, 0]).cpu()


@pytest.mark.parametrize("space", PAIRS)
@pytest.mark.parametrize("name", EXPLAINERS)
def test_every_explainer_explains_every_space(name: str, space: str, pair: Pair):
    parts = pair(space)
    found = explained(name, parts)
    d = len(parts.space.concepts)
    m = min(12, d)
    assert found.importance.shape == (4, m)
    assert set(found.concepts) <= set(parts.space.names())
    assert found.importance.any()
    assert (found.meta["concepts considered"], found.meta["concepts left out"]) == (d, d - m)
    assert torch.equal(found.units.values, parts.space.encode(found.images).values)
    renders = Capability.IMAGES in parts.oracle.capabilities
    assert any(what_if.image is not None for what_if in found.what_ifs) == renders
    if renders:
        assert {what_if.row for what_if in found.what_ifs} == set(range(4))
        assert any(what_if.changes for what_if in found.what_ifs)
    back = Explanation.from_record(found.to_record())
    assert torch.equal(back.importance, found.importance)
    assert [one.words for one in back.what_ifs] == [one.words for one in found.what_ifs]


@pytest.mark.parametrize("space", PAIRS)
@pytest.mark.parametrize("name", ["single-effects", "minimal-sets"])
def test_single_effects_are_what_the_oracle_answers(name: str, space: str, pair: Pair):
    parts = pair(space)
    found = explained(name, parts)
    for column in (0, len(found.concepts) - 1):
        expected = by_hand(found, parts, column)
        scale = float(found.importance.abs().max())
        torch.testing.assert_close(
            found.importance[:, column], expected, atol=1e-4 * scale, rtol=1e-3
        )


@pytest.mark.parametrize("space", PAIRS)
def test_shapley_values_add_up(space: str, pair: Pair):
    parts = pair(space)
    found = explained("shapley", parts)
    oracle = parts.oracle
    names = oracle.space.names()
    places = torch.tensor([names.index(name) for name in found.concepts])
    concepts = [oracle.space.concepts[place] for place in places.tolist()]
    units = oracle.space.encode(found.images)
    changed = unit_changes(concepts, units.values[:, places], up=False).set_to
    ends = [
        oracle.query(units, done).of_class(found.target)[0].cpu()
        for done in (Intervention.none(), Intervention.set(places[None], changed[None]))
    ]
    total = found.importance.sum(dim=1)
    scale = float(found.importance.abs().max())
    torch.testing.assert_close(total, ends[0] - ends[1], atol=1e-4 * scale, rtol=1e-4)
    assert found.meta["exact"] == (len(places) <= 10)


@pytest.mark.parametrize("space", PAIRS)
def test_the_discoverer_draws_a_graph_of_every_space(space: str, pair: Pair):
    parts = pair(space)
    graph: CausalGraph = Effects(images=30, most=12).discover(parts)
    classes = {f"class {name}" for name in parts.classifier.class_names}
    assert len(graph.nodes) == min(12, len(parts.space.concepts)) + len(classes)
    into_classes = [edge for edge in graph.edges if edge.target in classes]
    assert into_classes
    assert not any(edge.source in classes for edge in graph.edges)
    for edge in graph.edges:
        assert edge.low <= edge.weight <= edge.high
        assert edge.low > 0 or edge.high < 0
    if Capability.READBACK not in parts.oracle.capabilities:
        assert len(into_classes) == len(graph.edges)


def on_toys(make: Callable[[], Explainer | GraphDiscoverer]) -> Bench:
    world = toy_world(0)
    return Bench(plugin=make(), inputs=world.inputs(), images=world.dataset.test.images[:3])


@parametrize_with_checks(
    [
        *(Case(name, Explainer, partial(on_toys, make)) for name, make in EXPLAINERS.items()),
        Case("effects", GraphDiscoverer, partial(on_toys, partial(Effects, images=20))),
    ]
)
def test_generic_parts_keep_their_promises(case, check):
    check(case.build())


@pytest.mark.parametrize("name", EXPLAINERS)
def test_the_same_generator_gives_the_same_explanation(name: str, pair: Pair):
    first, second = (
        EXPLAINERS[name]().explain(
            parts.dataset.test.images[:3],
            0,
            ScoringInputs(
                classifier=parts.classifier,
                dataset=parts.dataset,
                rng=torch_generator(5),
                space=parts.space,
                oracle=parts.oracle,
            ),
        )
        for parts in [pair("patches")] * 2
    )
    assert torch.equal(first.importance, second.importance)
