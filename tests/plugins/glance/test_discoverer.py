from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from causalxai import EdgeKind, NodeKind, ScoringInputs
from causalxai.errors import CapabilityError
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.progress import SILENT
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Check, checks_for
from causalxai_glance.discoverer import PREDICTION, GlanceDiscoverer, _LabelSearch
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.paper_discoverer import PaperDiscoverer
from causalxai_glance.perception import PerceptionConfig, ReadOutConfig
from causalxai_glance.report.evidence import evidence_section
from causalxai_glance.twin_oracle import TwinOracle

QUICK = {"units": 30, "repeats": 3}


@pytest.fixture
def obeying(glance_context: ScoringInputs) -> ScoringInputs:
    """The context with a twin that is taken to obey do(): the small one has not learned to."""
    space = glance_context.space
    assert isinstance(space, LatentSpace)
    quality = replace(space.quality_, readback=(0.95, 0.95), effect=((0.9, 0.0), (0.0, 0.9)))
    other = LatentSpace(space.config).restore(space.to_record(), glance_context.classifier)
    other.quality_ = quality
    oracle = TwinOracle().bind(glance_context.classifier, other)
    rng = torch_generator(0, "graph")
    return replace(glance_context, space=other, oracle=oracle, rng=rng, graph=None)


def labelled(inputs: ScoringInputs, labels: np.ndarray) -> ScoringInputs:
    """Return the context with other labels; the pictures do not matter to their search."""
    concepts = torch.from_numpy(labels)
    train = inputs.dataset.train[torch.zeros(len(labels), dtype=torch.long)]
    train = replace(train, concepts=concepts)
    return replace(inputs, dataset=replace(inputs.dataset, train=train))


def search_in(inputs: ScoringInputs, labels: np.ndarray) -> _LabelSearch:
    inputs = labelled(inputs, labels)
    assert isinstance(inputs.space, LatentSpace)
    return _LabelSearch(inputs, inputs.space, GlanceDiscoverer.Config())


def test_the_true_edge_is_found_and_confirmed(obeying: ScoringInputs):
    graph = GlanceDiscoverer(**QUICK).discover(obeying)
    assert graph.nodes == ("size", "brightness", PREDICTION)
    found = [edge for edge in graph.edges if edge.target != PREDICTION]
    assert [(edge.source, edge.target) for edge in found] == [("size", "brightness")]
    (edge,) = found
    assert edge.weight is not None and edge.weight > 0.2
    assert edge.frequency == 1
    assert edge.annotations["evidence"]["nats_over_reverse"] > 0
    assert graph.annotations["not_perceived"] == []
    assert [node.name for node in graph.of_kind(NodeKind.PREDICTION)] == [PREDICTION]


def test_an_unfaithful_twin_confirms_nothing(glance_context: ScoringInputs):
    space = glance_context.space
    assert isinstance(space, LatentSpace) and not space.quality_.faithful
    graph = GlanceDiscoverer(**QUICK).discover(glance_context)
    assert {edge.target for edge in graph.edges} == {PREDICTION}
    assert "size" in graph.annotations["unfaithful"]
    (found,) = graph.annotations["unconfirmed"]
    assert (found["source"], found["target"]) == ("size", "brightness")


def test_a_reversed_edge_is_confirmed_too(obeying: ScoringInputs):
    """What the report warns of: the oracle can't tell which way an SCM layer should point."""
    known = {"required": [("brightness", "size")]}
    graph = GlanceDiscoverer(background=known, **QUICK).discover(obeying)
    (edge,) = [edge for edge in graph.edges if edge.target != PREDICTION]
    assert (edge.source, edge.target) == ("brightness", "size")
    assert edge.weight is not None and edge.weight > 0.2
    assert "confirm a reversed edge" in evidence_section(graph).items[-1].text


def test_what_is_forbidden_is_no_edge_and_not_missed(obeying: ScoringInputs):
    known = {"forbidden": [("size", "brightness"), ("brightness", "size")]}
    graph = GlanceDiscoverer(background=known, **QUICK).discover(obeying)
    assert {edge.target for edge in graph.edges} == {PREDICTION}
    assert graph.annotations["not_perceived"] == []


def test_an_oracle_that_sets_and_does_not_spread_is_refused(obeying: ScoringInputs):
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


def test_concepts_move_the_prediction(obeying: ScoringInputs):
    graph = GlanceDiscoverer(**QUICK).discover(obeying)
    into = {edge.source: edge for edge in graph.edges if edge.target == PREDICTION}
    assert set(into) == {"size", "brightness"}
    for edge in into.values():
        assert edge.weight is not None and edge.low is not None and edge.high is not None
        assert 0 <= edge.low <= edge.weight <= edge.high <= 1


def test_knowledge_of_unknown_concepts_is_refused(obeying: ScoringInputs):
    plugin = GlanceDiscoverer(background={"forbidden": [("siez", "brightness")]}, **QUICK)
    with pytest.raises(CapabilityError, match=r"'siez', which is not a concept.*size"):
        plugin.discover(obeying)


def test_without_named_concepts_there_is_nothing_to_discover(glance_context: ScoringInputs):
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
    plugin: GraphDiscoverer, check: Check, obeying: ScoringInputs
):
    check(Bench(plugin=plugin, inputs=obeying, images=obeying.dataset.test.images[:4]))


def test_knowledge_may_speak_of_the_prediction(obeying: ScoringInputs):
    known = {"forbidden": [("size", PREDICTION)], "tiers": [["size", "brightness"], [PREDICTION]]}
    graph = GlanceDiscoverer(background=known, **QUICK).discover(obeying)
    assert [edge.source for edge in graph.edges if edge.target == PREDICTION] == ["brightness"]
    assert graph.has_edge("size", "brightness")


@pytest.mark.parametrize("seed", range(3))
def test_a_linear_gaussian_pair_has_no_direction(obeying: ScoringInputs, seed: int):
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=800)
    labels = np.c_[cause, cause + rng.normal(size=800)]
    graph = GlanceDiscoverer(units=5, repeats=0).discover(labelled(obeying, labels))
    (edge,) = [edge for edge in graph.edges if edge.target != PREDICTION]
    assert edge.kind is EdgeKind.UNDIRECTED
    (found,) = graph.annotations["undetermined"]
    assert (found["source"], found["target"]) == (edge.source, edge.target)
    known = {"required": [("size", "brightness")]}
    graph = GlanceDiscoverer(background=known, units=5, repeats=0).discover(
        labelled(obeying, labels)
    )
    (edge,) = [edge for edge in graph.edges if edge.target != PREDICTION]
    assert (edge.source, edge.directed) == ("size", True)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("levels", [3, 5, 10, 15, None])
def test_of_few_levels_no_direction_is_told_wrongly(
    obeying: ScoringInputs, levels: int | None, seed
):
    """The same pair is told rightly where it is not rounded."""
    rng = np.random.default_rng(seed)
    cause = rng.gamma(2.0, size=1_000)
    effect = 2 * np.tanh(cause - 2) + 0.3 * rng.normal(size=1_000)
    if levels is not None:
        effect = np.round((effect - effect.min()) / np.ptp(effect) * (levels - 1))
    search = search_in(obeying, np.c_[effect, cause])
    edges = search.edges()
    assert edges
    oriented = search.oriented(edges, search.margins(edges))
    assert oriented == (edges if levels is None else frozenset())
    assert levels is not None or edges == {(1, 0)}


@pytest.mark.parametrize(("bend", "steepness"), [(0.3, 0.0), (0.0, 0.7)])
def test_a_direction_that_uneven_noise_turned_around_is_in_doubt(
    obeying: ScoringInputs, bend: float, steepness: float
):
    rng = np.random.default_rng(0)
    cause = rng.normal(size=1_000)
    spread = 0.4 * np.exp(steepness * cause)
    effect = cause + bend * cause**2 + spread * rng.normal(size=1_000)
    search = search_in(obeying, np.c_[effect, cause])
    edges = search.edges()
    assert edges == {(0, 1) if steepness else (1, 0)}
    margins = search.margins(edges)
    assert search.oriented(edges, margins) == edges
    assert search.doubtful(edges, margins) == (edges if steepness else frozenset())


@pytest.mark.parametrize("seed", range(3))
def test_a_ratings_direction_is_not_told(obeying: ScoringInputs, seed: int):
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=2_000)
    rated = np.clip(np.round(5.5 + 2 * cause + rng.normal(size=2_000)), 1, 10)
    search = search_in(obeying, np.c_[rated, cause])
    edges = search.edges()
    assert edges and not search.oriented(edges, search.margins(edges))


class Remembering:
    """Stands for a search of labels, and remembers what it was asked to search."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels, self.seen = labels, []

    def resampled(
        self, labels: np.ndarray, labelled: frozenset[tuple[int, int]]
    ) -> frozenset[tuple[int, int]]:
        self.seen.append((labels, labelled))
        return frozenset({(0, 1)})


@pytest.mark.parametrize(("limit", "size"), [(2_000, 400), (300, 300)])
def test_resamples_are_halves_in_which_nothing_stands_twice(limit, size):
    search = Remembering(np.arange(1_600.0).reshape(800, 2))
    plugin = GlanceDiscoverer(repeats=3, resample_limit=limit)
    edges, rng = frozenset({(0, 1), (2, 1), (1, 3)}), np.random.default_rng(0)
    found = plugin._label_edges(search, edges, SimpleNamespace(progress=SILENT), rng)
    assert found == [{(0, 1)}] * 3
    for labels, start in search.seen:
        assert len(np.unique(labels[:, 0])) == len(labels) == size
        assert start == edges
    assert not np.array_equal(search.seen[0][0], search.seen[1][0])


def test_too_few_labels_have_no_halves(obeying: ScoringInputs):
    few = labelled(obeying, np.random.default_rng(0).normal(size=(50, 2)))
    graph = GlanceDiscoverer(**QUICK).discover(few)
    assert all(edge.frequency is None for edge in graph.edges)


def test_what_is_rare_does_not_end_the_run(obeying: ScoringInputs):
    """Two of a thousand: a half misses both with probability 1/4."""
    rng = np.random.default_rng(0)
    labels = np.c_[rng.normal(size=1_000), np.arange(1_000) < 2]
    halves = GlanceDiscoverer(repeats=20)._label_edges(
        search_in(obeying, labels), frozenset(), obeying, rng
    )
    assert len(halves) == 20
    search = search_in(obeying, labels)
    assert search.resampled(labels[2:], frozenset()) == frozenset()


def test_halves_of_many_concepts_are_searched_in_the_order_of_all_labels():
    rng = np.random.default_rng(0)
    labels = rng.uniform(-1, 1, size=(600, 6))
    labels[:, 4] = np.tanh(3 * labels[:, 1]) + 0.3 * labels[:, 4]
    space = SimpleNamespace(
        named_=tuple("abcdef"),
        known=(frozenset(), frozenset()),
        boolean_=frozenset(),
        parents_at_most=None,
        config=SimpleNamespace(links=True),
        scm_=object(),
        labels=lambda split: labels,
    )
    inputs = SimpleNamespace(dataset=SimpleNamespace(train=SimpleNamespace(concepts=labels)))
    search = _LabelSearch(inputs, space, GlanceDiscoverer.Config())
    assert search.resampled(labels[::2], frozenset({(1, 4)})) == {(1, 4)}


SEEN = PerceptionConfig(readout=ReadOutConfig(hidden=8, folds=2, epochs=5, batch_size=64))


def test_perception_does_not_use_background_knowledge(obeying: ScoringInputs):
    """Nor is it confused by knowledge of the prediction, which it does not speak of."""
    dataset = replace(obeying.dataset, reference=obeying.dataset.train)
    known = {"required": [("brightness", "size"), ("size", PREDICTION)]}
    said = []
    for background in ({}, known, {"forbidden": [("size", "brightness"), ("brightness", "size")]}):
        inputs = replace(obeying, dataset=dataset, rng=torch_generator(0, "graph"))
        plugin = GlanceDiscoverer(background=background, perceive=SEEN, units=30, repeats=0)
        said.append(plugin.discover(inputs).annotations)
    for key in ("perceived_edges", "perceived_by_mistake", "unread"):
        assert said[0][key] == said[1][key] == said[2][key]


def test_perception_is_prepared_without_concepts_to_the_same_graph(obeying: ScoringInputs):
    dataset = replace(obeying.dataset, reference=obeying.dataset.train)

    def inputs() -> ScoringInputs:
        return replace(obeying, dataset=dataset, rng=torch_generator(0, "graph"))

    plugin = GlanceDiscoverer(perceive=SEEN, units=30, repeats=0)
    prepared = plugin.prepare(inputs())
    assert prepared.meta["nodes"]
    assert plugin.discover(inputs(), prepared) == plugin.discover(inputs())


def test_without_reference_images_or_perception_nothing_is_prepared(obeying: ScoringInputs):
    assert not GlanceDiscoverer(perception=False).prepares
    plugin = GlanceDiscoverer(**QUICK)
    assert plugin.prepares
    assert not plugin.prepare(obeying).meta
