"""Boolean concepts on a perfect twin: do() is 0 or 1, and directions stay open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional

from causalxai import Classifier, Dataset, EdgeKind, ScoringInputs, Split
from causalxai.errors import CapabilityError
from causalxai.explainer import Explainer, Explanation
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.intervention import Action, Intervention
from causalxai.oracle import Oracle
from causalxai.report.section import Figure, Table
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for
from causalxai.what_if import Change
from causalxai_glance.discoverer import PREDICTION, GlanceDiscoverer
from causalxai_glance.effects import Concepts, direct_effects, edge_weights, prediction_shift
from causalxai_glance.explainer import GlanceExplainer
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.paper_discoverer import PaperDiscoverer, own_effects, run_trials
from causalxai_glance.perception import PerceivedDiscoverer
from causalxai_glance.report.explanation import explanation_section
from causalxai_glance.report.graph import graph_report
from causalxai_glance.report.image_strips import flipped_side, side_name
from causalxai_glance.report.twin import twin_section
from causalxai_glance.twin.intervened import values_of_do
from causalxai_glance.twin.quality import measure_quality
from causalxai_glance.twin.training import TERMS
from causalxai_glance.twin_oracle import TwinOracle

LATENTS, SIDE, PATCH, SCALE = 6, 16, 4, 40.0
NAMES = ("cause", "effect", "collider")
# Logits of two classes for one sd of each latent.
READS = torch.tensor([[0.5, 2.0, -1.0, 0.0, 0.8, 0.0], [0.0, -1.5, 0.0, 0.7, 0.0, 0.0]]).T
# P(effect | cause), and log odds of the collider.
CHANCE = {0: expit(-1.0), 1: expit(1.0)}
QUICK = {"units": 40, "repeats": 2}


class Patches(nn.Module):
    """A perfect twin: each latent is the brightness of a patch."""

    def latents(self, embeddings: Tensor) -> Tensor:
        patches = functional.avg_pool2d(embeddings.view(-1, 1, SIDE, SIDE), PATCH).flatten(1)
        return (patches[:, :LATENTS] - 0.5) * SCALE

    def render(self, latents: Tensor, noise: torch.Generator | None = None) -> Tensor:
        patches = functional.pad(latents, (0, 16 - LATENTS)) / SCALE + 0.5
        grid = patches.view(-1, 1, SIDE // PATCH, SIDE // PATCH)
        return grid.repeat_interleave(PATCH, 2).repeat_interleave(PATCH, 3).clamp(0, 1)


class ExactSpace(LatentSpace):
    """Latents of the perfect twin, with the SCM layer that the labels hold."""

    def fit(self, classifier, dataset, *, rng, **_):
        self._attach(classifier, dataset.concept_names)
        standardised = self._standardise(dataset)
        self.scm_ = self._fit_scm(dataset.train)
        self.twin_, self.history_ = Patches(), torch.zeros(3, len(TERMS))
        self.quality_ = measure_quality(
            self.twin_,
            classifier,
            dataset.test.images,
            standardised[: len(dataset.test)],
            mean_image=dataset.train.images.mean(dim=0),
            levels=self._levels(),
            rng=rng,
        )
        return self


def linear_classifier() -> Classifier:
    """Return a network whose logits are ``latents @ READS``, whatever the grey rest."""
    linear = nn.Linear(SIDE**2, 2)
    patches = Patches().render(torch.eye(LATENTS)).flatten(1) - 0.5
    with torch.no_grad():
        linear.weight.copy_(READS.T @ patches * SCALE**2 / PATCH**2)
        linear.bias.copy_(-0.5 * linear.weight.sum(dim=1))
    model = nn.Sequential(nn.Flatten(), linear)
    return Classifier(model, class_names=("a", "b"), image_shape=(1, SIDE, SIDE))


@pytest.fixture(scope="module")
def world() -> tuple[Classifier, Dataset]:
    rng = np.random.default_rng(0)
    cause = rng.random(3000) < 0.5
    effect = rng.random(3000) < np.where(cause, CHANCE[1], CHANCE[0])
    alone = rng.random(3000) < 0.5
    concepts = torch.from_numpy(np.column_stack([cause, effect, alone])).float()
    standardised = (concepts - concepts.mean(dim=0)) / concepts.std(dim=0)
    more = torch.randn(3000, LATENTS - 3, generator=torch_generator(0, "more"))
    images = Patches().render(torch.cat([standardised, more], dim=1))
    classifier = linear_classifier()
    split = Split(images, classifier.predict(images).cpu(), concepts)
    return classifier, Dataset(split, split[:200], ("a", "b"), NAMES)


def context_of(world: tuple[Classifier, Dataset], **config: object) -> ScoringInputs:
    classifier, dataset = world
    rng = torch_generator(0, "boolean")
    space = ExactSpace(latents=LATENTS, **config).fit(classifier, dataset, rng=rng)
    oracle = TwinOracle().bind(classifier, space)
    return ScoringInputs(
        classifier=classifier, dataset=dataset, rng=rng, space=space, oracle=oracle
    )


@pytest.fixture
def exact(world: tuple[Classifier, Dataset]) -> ScoringInputs:
    return context_of(world, background={"required": [("cause", "effect")]})


def explain(inputs: ScoringInputs, count: int = 8, **more: object) -> Explanation:
    images = inputs.dataset.test.images[:count]
    inputs = replace(inputs, rng=torch_generator(5))
    target = inputs.classifier.predict(images).cpu()
    return GlanceExplainer(**{"samples": 60, **more}).explain(images, target, inputs)


def concepts_of(inputs: ScoringInputs, n: int = 200) -> Concepts:
    space = inputs.space
    units = space.encode(inputs.dataset.test.images[:n])
    return Concepts(inputs.oracle, units, 3, space.unit_[:3], space.boolean_)


def test_labels_of_0_and_1_are_boolean_and_one_unit_is_the_step_between(exact: ScoringInputs):
    space = exact.space
    assert [concept.is_binary for concept in space.concepts[:4]] == [True, True, True, False]
    assert space.unit_[:3].tolist() == [1, 1, 1]
    values = space.encode(exact.dataset.test.images).values[:, :3]
    torch.testing.assert_close(values, exact.dataset.test.concepts, atol=1e-5, rtol=0)
    again = ExactSpace(space.config)
    again._attach(exact.classifier, NAMES)
    assert again.boolean_ == frozenset()


def test_a_perfect_twin_has_perfect_figures(exact: ScoringInputs):
    quality = exact.space.quality_
    assert quality.faithful
    assert quality.own_effect == pytest.approx((1, 1, 1), abs=1e-3)
    assert quality.validity == pytest.approx((1, 1, 1), abs=1e-4)
    assert quality.alignment_auc == pytest.approx((1, 1, 1), abs=1e-12)
    assert quality.validity_auc == pytest.approx((1, 1, 1), abs=1e-12)
    assert type(quality).from_json(quality.to_json()) == quality


def test_do_of_what_was_drawn_is_a_level_for_what_is_there_or_not():
    levels = torch.tensor([[-0.5, 2.0], [torch.nan, torch.nan]])
    drawn = torch.tensor([[0.3, 0.3], [-1.7, -1.7]])
    expected = torch.tensor([[2.0, 0.3], [-0.5, -1.7]])
    torch.testing.assert_close(values_of_do(drawn, levels), expected)


def test_edge_weights_are_differences_of_probabilities(exact: ScoringInputs):
    effects = direct_effects(concepts_of(exact))
    # do(cause = 1) and do(cause = 0) are one unit apart, whatever the unit had.
    np.testing.assert_allclose(effects[:, 1, 0, 1], 1, atol=1e-3)
    weights = edge_weights(effects)
    equation = next(m for m in exact.space.scm_.equations if m.child == 1)
    apart = np.diff(equation.probability([[0.0], [1.0]]))[0]
    assert weights[0, 1] == pytest.approx(apart, abs=0.05)
    assert apart == pytest.approx(CHANCE[1] - CHANCE[0], abs=0.05)
    assert np.abs(weights - weights * (np.arange(9).reshape(3, 3) == 1)).max() < 1e-3


def test_the_prediction_shifts_from_absence_to_presence(exact: ScoringInputs):
    concepts = concepts_of(exact, 20)
    shift = prediction_shift(concepts)
    values = concepts.own.clone()
    probabilities = []
    for setting in (0.0, 1.0):
        values[:, 1] = setting
        action = Intervention.set(torch.arange(3)[None], values[None].clone())
        probabilities.append(exact.oracle.query(concepts.units, action).logits[0].softmax(dim=1))
    expected = (probabilities[0] - probabilities[1]).abs().sum(dim=1) / 2
    np.testing.assert_allclose(shift[:, 1], expected.numpy(), atol=1e-5)


def test_the_papers_own_effect_counts_the_same_unit(exact: ScoringInputs):
    concepts = concepts_of(exact, 30)
    moved = run_trials(concepts).moved
    np.testing.assert_allclose(own_effects(moved, concepts.span), 1, atol=1e-3)


def discovered(world, config: dict[str, object] | None = None, **known: object):
    inputs = context_of(world, **(config or {}))
    return GlanceDiscoverer(background=known, **QUICK).discover(inputs)


def test_which_of_two_attributes_causes_the_other_is_not_told(world, report_inputs):
    graph = discovered(world)
    (edge,) = [edge for edge in graph.edges if edge.target != PREDICTION]
    assert {edge.source, edge.target} == {"cause", "effect"}
    assert edge.kind is EdgeKind.UNDIRECTED
    (found,) = graph.annotations["undetermined"]
    assert (found["source"], found["target"]) == (edge.source, edge.target)
    report = graph_report(GlanceDiscoverer(), graph, report_inputs(context_of(world)))
    drawing = report.sections[0]
    assert report.draws_graph
    assert (
        "without a head" in next(item for item in drawing.items if isinstance(item, Figure)).caption
    )


@pytest.mark.parametrize("where", ["space", "graph"])
def test_knowledge_settles_it(world, where: str):
    known = {"tiers": [["effect"], ["cause"]]}
    if where == "space":
        graph = discovered(world, {"background": known})
    else:
        graph = discovered(world, **known)
    (edge,) = [edge for edge in graph.edges if edge.target != PREDICTION]
    assert (edge.source, edge.target) == ("effect", "cause")
    assert edge.directed
    assert graph.annotations["undetermined"] == []


def test_knowledge_in_two_places_may_not_contradict(world):
    space = {"background": {"required": [("effect", "cause")]}}
    with pytest.raises(CapabilityError, match=r"graph\.background and concepts\.background"):
        discovered(world, space, tiers=[["cause"], ["effect"]])


def test_a_collider_is_told():
    rng = np.random.default_rng(1)
    first, second = (rng.random((2, 3000)) < 0.5) + 0.0
    last = (rng.random(3000) < expit(-2 + 2.5 * first + 2.5 * second)) + 0.0
    concepts = torch.from_numpy(np.column_stack([first, second, last])).float()
    standardised = (concepts - concepts.mean(dim=0)) / concepts.std(dim=0)
    more = torch.randn(3000, LATENTS - 3, generator=torch_generator(0, "more"))
    images = Patches().render(torch.cat([standardised, more], dim=1))
    classifier = linear_classifier()
    split = Split(images, classifier.predict(images).cpu(), concepts)
    graph = discovered((classifier, Dataset(split, split[:200], ("a", "b"), NAMES)))
    found = {str(edge) for edge in graph.edges if edge.target != PREDICTION}
    assert found == {"cause → collider", "effect → collider"}


def test_perception_is_not_asked_for_directions_of_attributes(world):
    classifier, dataset = world
    dataset = replace(dataset, reference=dataset.test)
    inputs = ScoringInputs(classifier=classifier, dataset=dataset, rng=torch_generator(0))
    with pytest.raises(CapabilityError, match="readings of boolean concepts"):
        PerceivedDiscoverer().discover(inputs)


def test_counterfactuals_are_do_1_and_do_0(exact: ScoringInputs):
    explanation = explain(exact)
    assert explanation.meta["boolean"] == [*NAMES]
    space, details = exact.space, explanation.details
    own = explanation.units.values[:, :3].double().numpy()
    for concept in range(3):
        for side, setting in enumerate((1.0, 0.0)):
            asked = np.array([[concept]]), np.full((1, len(own), 1), setting)
            (after,) = space.scm_.counterfactual(own, *asked)
            moved = (after - own) / space.sd_[:3].double().numpy()
            reads = READS[:3, explanation.target].T.double().numpy()
            expected = (moved * reads).sum(axis=1)
            found = details["effect"][:, concept, side].numpy()
            np.testing.assert_allclose(found, expected, atol=2e-3)
            what_if = explanation.what_ifs[1 + 2 * concept + side]
            expected_change = Change(
                NAMES[concept], Action.SET, setting, ("not " * side) + NAMES[concept]
            )
            assert what_if.changes == (expected_change,)


def test_importance_is_the_logit_that_being_there_adds(exact: ScoringInputs):
    explanation = explain(exact, sparsity=0.0)
    expected = READS[:, explanation.target].T / exact.space.sd_ * exact.space.unit_
    torch.testing.assert_close(explanation.importance, expected, atol=2e-3, rtol=0)


def test_the_flipped_side_is_the_one_the_image_is_not_on(exact: ScoringInputs):
    explanation = explain(exact)
    for image, labels in enumerate(exact.dataset.test.concepts[:8]):
        for name, label in zip(NAMES, labels.tolist(), strict=True):
            side = flipped_side(explanation, image, name)
            assert side_name(explanation, name, side) == f"{name} = {1 - label:g}"


@pytest.mark.parametrize("featured", [pytest.param(None, marks=pytest.mark.slow), "collider"])
def test_flips_are_shown_in_strips(exact: ScoringInputs, featured: str | None):
    explanation = explain(exact, featured=featured)
    section = explanation_section(explanation, ("a", "b"))
    figures = [item for item in section.items if isinstance(item, Figure)]
    assert len(figures) == 3 and all(figure.png for figure in figures)
    assert f"do({featured or 'effect'}) on several images" in figures[2].caption
    (table,) = [item for item in section.items if isinstance(item, Table)]
    assert table.columns[-2:] == ("do(= 1)", "do(= 0)")


def test_what_is_featured_must_be_there_or_not(exact: ScoringInputs):
    with pytest.raises(CapabilityError, match="did you mean 'effect'"):
        explain(exact, featured="efect")


def test_the_twins_table_has_areas_under_the_curve(exact: ScoringInputs):
    tables = [i for i in twin_section(exact.space, exact.dataset).items if isinstance(i, Table)]
    assert "alignment AUC" in tables[0].columns
    assert "alignment AUC" in exact.space.summary()


def test_likeliest_worlds_are_crisp(exact: ScoringInputs):
    oracle = TwinOracle(following="likeliest").bind(exact.classifier, exact.space)
    units = exact.space.encode(exact.dataset.test.images[:50])
    action = Intervention.flip(torch.tensor([0]))
    states = oracle.states(units, action)[0, :, :3]
    assert torch.minimum(states.abs(), (states - 1).abs()).max() < 1e-4
    expected = exact.oracle.states(units, action)[0, :, :3]
    assert torch.equal(states[:, 1] > 0.5, expected[:, 1] > 0.5)
    assert (torch.minimum(expected.abs(), (expected - 1).abs())[:, 1] > 0.05).any()


@pytest.mark.parametrize("check", checks_for(Oracle), ids=lambda check: check.__name__)
@pytest.mark.parametrize("following", ["expected", "likeliest"])
def test_the_oracle_keeps_its_promises(check, following: str, exact: ScoringInputs):
    plugin = TwinOracle(following=following)
    check(Bench(plugin=plugin, inputs=exact, images=exact.dataset.test.images[:3]))


@pytest.mark.parametrize("check", checks_for(Explainer), ids=lambda check: check.__name__)
def test_the_explainer_keeps_its_promises(check, exact: ScoringInputs):
    plugin = GlanceExplainer(samples=20, pictures=2)
    check(Bench(plugin=plugin, inputs=exact, images=exact.dataset.test.images[:3]))


@pytest.mark.parametrize("check", checks_for(GraphDiscoverer), ids=lambda check: check.__name__)
@pytest.mark.parametrize("plugin", [GlanceDiscoverer(**QUICK), PaperDiscoverer(**QUICK)])
def test_the_discoverers_keep_their_promises(check, plugin: GraphDiscoverer, world):
    inputs = context_of(world)
    check(Bench(plugin=plugin, inputs=inputs, images=inputs.dataset.test.images[:4]))
