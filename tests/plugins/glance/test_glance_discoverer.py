from __future__ import annotations

from dataclasses import replace

import pytest

from causalxai import Context
from causalxai.errors import CapabilityError
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Check, checks_for
from causalxai_glance.discoverer import PREDICTION, GlanceDiscoverer
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.paper_discoverer import PaperDiscoverer
from causalxai_glance.twin_oracle import TwinOracle

QUICK = {"units": 30, "repeats": 3}


@pytest.fixture
def obeying(glance_context: Context) -> Context:
    """The context with a twin that is taken to obey do(): the small one has not learned to."""
    space = glance_context.space
    assert isinstance(space, LatentSpace)
    quality = replace(space.quality_, readback=(0.95, 0.95), effect=((0.9, 0.0), (0.0, 0.9)))
    other = LatentSpace(space.config).restore(space.to_record(), glance_context.classifier)
    other.quality_ = quality
    oracle = TwinOracle().bind(glance_context.classifier, other)
    rng = torch_generator(0, "graph")
    return replace(glance_context, space=other, oracle=oracle, rng=rng, graph=None)


def test_the_true_edge_is_found_and_confirmed(obeying: Context):
    graph = GlanceDiscoverer(**QUICK).discover(obeying)
    assert graph.nodes == ("size", "brightness", PREDICTION)
    found = [edge for edge in graph.edges if edge.target != PREDICTION]
    assert [(edge.source, edge.target) for edge in found] == [("size", "brightness")]
    (edge,) = found
    assert edge.weight is not None and edge.weight > 0.2
    assert edge.frequency == 1
    assert edge.extra["nats over reverse"] > 0
    assert graph.meta["not perceived"] == "none"


def test_an_unfaithful_twin_confirms_nothing(glance_context: Context):
    space = glance_context.space
    assert isinstance(space, LatentSpace) and not space.quality_.faithful
    graph = GlanceDiscoverer(**QUICK).discover(glance_context)
    assert {edge.target for edge in graph.edges} == {PREDICTION}
    assert "size" in str(graph.meta["twin not faithful"])
    assert "size → brightness" in str(graph.meta["unconfirmed"])


def test_a_reversed_edge_is_confirmed_too(obeying: Context):
    """What the report warns of: the oracle can't tell which way an SCM layer should point."""
    known = {"required": [("brightness", "size")]}
    graph = GlanceDiscoverer(background=known, **QUICK).discover(obeying)
    (edge,) = [edge for edge in graph.edges if edge.target != PREDICTION]
    assert (edge.source, edge.target) == ("brightness", "size")
    assert edge.weight is not None and edge.weight > 0.2
    assert "reversed" in str(graph.meta["direction"])


def test_what_is_forbidden_is_no_edge_and_not_missed(obeying: Context):
    known = {"forbidden": [("size", "brightness"), ("brightness", "size")]}
    graph = GlanceDiscoverer(background=known, **QUICK).discover(obeying)
    assert {edge.target for edge in graph.edges} == {PREDICTION}
    assert graph.meta["not perceived"] == "none"


def test_an_oracle_that_sets_and_does_not_spread_is_refused(obeying: Context):
    assert obeying.space is not None
    literal = TwinOracle(propagate=False).bind(obeying.classifier, obeying.space)
    with pytest.raises(CapabilityError, match="propagate: true"):
        GlanceDiscoverer(**QUICK).discover(replace(obeying, oracle=literal))


@pytest.mark.parametrize(
    ("known", "complaint"),
    [
        ({"required": [("size", "brightness"), ("brightness", "size")]}, "requires a cycle"),
        (
            {"required": [("size", "brightness")], "forbidden": [("size", "brightness")]},
            "size → brightness is required",
        ),
        (
            {"required": [("size", "brightness")], "tiers": [["brightness"], ["size"]]},
            "size → brightness is required",
        ),
    ],
)
@pytest.mark.parametrize("discoverer", [GlanceDiscoverer, PaperDiscoverer])
def test_knowledge_that_contradicts_itself_is_refused(obeying, discoverer, known, complaint):
    with pytest.raises(CapabilityError, match=complaint):
        discoverer(background=known, **QUICK).discover(obeying)


def test_concepts_move_the_prediction(obeying: Context):
    graph = GlanceDiscoverer(**QUICK).discover(obeying)
    into = {edge.source: edge for edge in graph.edges if edge.target == PREDICTION}
    assert set(into) == {"size", "brightness"}
    for edge in into.values():
        assert edge.weight is not None and edge.low is not None and edge.high is not None
        assert 0 <= edge.low <= edge.weight <= edge.high <= 1


def test_knowledge_of_unknown_concepts_is_refused(obeying: Context):
    plugin = GlanceDiscoverer(background={"forbidden": [("siez", "brightness")]}, **QUICK)
    with pytest.raises(CapabilityError, match=r"'siez', which is no concept.*size"):
        plugin.discover(obeying)


def test_without_named_concepts_there_is_nothing_to_discover(glance_context: Context):
    space = glance_context.space
    assert isinstance(space, LatentSpace)
    nameless = LatentSpace(space.config).restore(space.to_record(), glance_context.classifier)
    nameless.named_ = ()
    oracle = TwinOracle().bind(glance_context.classifier, nameless)
    with pytest.raises(CapabilityError, match="named concepts"):
        PaperDiscoverer().discover(replace(glance_context, space=nameless, oracle=oracle))


@pytest.mark.parametrize("check", checks_for(GraphDiscoverer), ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "plugin",
    [GlanceDiscoverer(**QUICK), PaperDiscoverer(**QUICK), PaperDiscoverer(threshold=0.01, **QUICK)],
    ids=["glance", "glance-paper", "glance-paper-with-edges"],
)
def test_the_discoverers_keep_their_promises(
    plugin: GraphDiscoverer, check: Check, obeying: Context
):
    check(Bench(plugin=plugin, context=obeying, images=obeying.dataset.test.images[:4]))


def test_knowledge_may_speak_of_the_prediction(obeying: Context):
    known = {"forbidden": [("size", PREDICTION)], "tiers": [["size", "brightness"], [PREDICTION]]}
    graph = GlanceDiscoverer(background=known, **QUICK).discover(obeying)
    assert [edge.source for edge in graph.edges if edge.target == PREDICTION] == ["brightness"]
    assert graph.has_edge("size", "brightness")
