from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from causalxai.errors import CapabilityError, ContractError
from causalxai.graph_discoverer import BackgroundKnowledge
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.testing import LinearScm, ToyWorld, toy_world
from causalxai.testing.toys import (
    CONCEPTS,
    ToyDiscoverer,
    ToyExplainer,
    ToyMetric,
    ToySpace,
    paint,
)

SEEDS = range(5)


@pytest.fixture(params=SEEDS)
def world(request: pytest.FixtureRequest) -> ToyWorld:
    return toy_world(request.param)


def chain() -> LinearScm:
    """a → b → c and a → c."""
    weights = torch.tensor([[0.0, 2.0, 1.0], [0.0, 0.0, -3.0], [0.0, 0.0, 0.0]])
    return LinearScm(weights, ("a", "b", "c"))


class TestLinearScm:
    def test_total_effects_are_sums_over_paths(self) -> None:
        expected = torch.tensor([[1.0, 2.0, 1.0 - 6.0], [0.0, 1.0, -3.0], [0.0, 0.0, 1.0]])
        assert torch.allclose(chain().total_effects(), expected)

    def test_counterfactuals_by_hand(self) -> None:
        values = torch.tensor([[1.0, 3.0, 0.0]])  # noise 1, 1, 8
        asked = Intervention.set(
            torch.tensor([[0, NO_TARGET], [1, NO_TARGET], [2, NO_TARGET], [0, 2], [1, 0]]),
            torch.tensor([[0.0, 9.0], [0.0, 9.0], [5.0, 9.0], [2.0, 7.0], [0.0, 2.0]]),
        )
        expected = [[0, 1, 5], [1, 0, 9], [1, 3, 5], [2, 5, 7], [2, 0, 10]]
        assert chain().counterfactual(values, asked)[:, 0].tolist() == expected

    def test_nothing_done_leaves_everyone_as_they_are(self) -> None:
        scm = chain()
        values = scm.sample(50, torch.Generator().manual_seed(0))
        assert torch.allclose(scm.counterfactual(values, Intervention.none())[0], values)

    def test_samples_have_the_covariance_of_the_closed_form(self) -> None:
        scm = chain()
        values = scm.sample(40_000, torch.Generator().manual_seed(0))
        total = scm.total_effects()
        assert torch.allclose(values.T.cov(), total.T @ total, atol=0.6, rtol=0.03)

    def test_the_graph_has_an_edge_where_a_is_not_zero(self) -> None:
        graph = chain().graph()
        assert [(e.source, e.target, e.weight) for e in graph.edges] == [
            ("a", "b", 2.0),
            ("a", "c", 1.0),
            ("b", "c", -3.0),
        ]

    def test_a_cycle_is_refused(self) -> None:
        with pytest.raises(ValueError, match="cycle"):
            LinearScm(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), ("a", "b"))


class TestWorld:
    def test_the_same_seed_makes_the_same_world(self) -> None:
        one, other = toy_world(3), toy_world(3)
        assert torch.equal(one.dataset.train.images, other.dataset.train.images)
        assert torch.equal(one.logit_effects, other.logit_effects)
        assert one.scm.graph() != toy_world(4).scm.graph()

    def test_images_are_legal_and_read_back_exactly(self, world: ToyWorld) -> None:
        for split in (world.dataset.train, world.dataset.test):
            read = world.space.encode(split.images).values
            assert torch.allclose(read, split.concepts, atol=2e-5)
        extremes = torch.tensor([[20.0, -20.0, 20.0, -20.0]])
        assert float(paint(extremes).min()) >= 0.1 - 1e-6
        assert float(paint(extremes).max()) <= 0.9 + 1e-6

    def test_logits_are_a_known_linear_function(self, world: ToyWorld) -> None:
        test = world.dataset.test
        logits = world.classifier.logits(test.images)
        assert torch.allclose(logits, test.concepts @ world.reads, atol=1e-3)

    def test_some_predictions_are_wrong(self, world: ToyWorld) -> None:
        test = world.dataset.test
        assert 0.5 < world.classifier.accuracy(test.images, test.labels) < 1


class TestPlugins:
    def test_shifts_do_what_the_closed_form_says(self, world: ToyWorld) -> None:
        units = world.space.encode(world.dataset.test.images)
        asked = Intervention.shift(torch.arange(4), 1.0)
        response = world.oracle.query(units, asked, want=("logits", "readback"))
        before = world.classifier.logits(world.dataset.test.images)
        moved = response.answer("logits") - before
        assert torch.allclose(moved, world.logit_effects[:, None].expand_as(moved), atol=2e-3)
        read = response.answer("readback") - units.values
        total = world.scm.total_effects()
        assert torch.allclose(read, total[:, None].expand_as(read), atol=1e-4)

    def test_texture_survives_interventions(self, world: ToyWorld) -> None:
        images = world.dataset.test.images[:3]
        units = world.space.encode(images)
        seen = world.oracle.query(units, Intervention.none(), want=("images",)).answer("images")
        assert torch.allclose(seen[0], images, atol=1e-6)

    def test_the_oracle_speaks_of_its_own_space_only(self, world: ToyWorld) -> None:
        class OtherSpace(ToySpace):
            pass

        world.oracle.bind(
            world.classifier, OtherSpace().restore(world.space.to_record(), world.classifier)
        )
        with pytest.raises(CapabilityError, match="concepts of ToySpace"):
            world.oracle.bind(world.classifier, object())  # type: ignore[arg-type]

    def test_the_discoverer_recovers_a(self, world: ToyWorld) -> None:
        found = ToyDiscoverer().discover(world.inputs())
        truth = world.scm.weights.double().numpy()
        assert np.allclose(found.adjacency(CONCEPTS), truth, atol=1e-4)
        assert {(e.source, e.target) for e in found.edges} == {
            (e.source, e.target) for e in world.scm.graph().edges
        }

    def test_the_discoverer_does_not_hide_a_contradiction(self, world: ToyWorld) -> None:
        edge = world.scm.graph().edges[0]
        known = BackgroundKnowledge(forbidden=((edge.source, edge.target),))
        with pytest.raises(ContractError, match="forbidden"):
            ToyDiscoverer(background=known).discover(world.inputs())

    def test_the_explainer_finds_the_closed_form(self, world: ToyWorld) -> None:
        test = world.dataset.test
        explanation = ToyExplainer().explain(test.images, test.labels, world.inputs())
        assert explanation.importance is not None
        assert torch.allclose(explanation.importance, world.logit_effects.T[test.labels], atol=2e-3)

    def test_the_metric_knows_right_from_wrong(self, world: ToyWorld) -> None:
        test, inputs = world.dataset.test, world.inputs()
        right = ToyExplainer().explain(test.images, test.labels, inputs)
        wrong = type(right)(right.images, right.target, right.concepts, -right.importance)
        scores = [ToyMetric().compute(each, inputs) for each in (right, wrong)]
        assert [score.estimate.value for score in scores] == [1.0, 0.0]
        assert 0 < scores[0].chance.value < 1

    def test_spaces_of_other_worlds_are_refused(self, world: ToyWorld) -> None:
        unmeasured = {"train": replace(world.dataset.train, concepts=None)}
        unmeasured["test"] = replace(world.dataset.test, concepts=None)
        nameless = replace(world.dataset, concept_names=(), graph=None, **unmeasured)
        with pytest.raises(CapabilityError, match="four named concepts"):
            ToySpace().fit(world.classifier, nameless, rng=torch.Generator())


@pytest.fixture(scope="module")
def other():
    import pandas
    from dowhy import gcm

    scm = toy_world(1).scm
    model = gcm.InvertibleStructuralCausalModel(scm.graph().to_networkx())
    for node in model.graph.nodes:
        root = not list(model.graph.predecessors(node))
        mechanism = (
            gcm.EmpiricalDistribution()
            if root
            else gcm.AdditiveNoiseModel(gcm.ml.create_linear_regressor())
        )
        model.set_causal_mechanism(node, mechanism)
    data = scm.sample(20_000, torch.Generator().manual_seed(0)).double().numpy()
    gcm.config.disable_progress_bars()
    gcm.fit(model, pandas.DataFrame(data, columns=scm.names))
    return gcm, pandas, model, scm


class TestAgainstDowhy:
    """The same structural model, written down and answered by another library."""

    @pytest.mark.parametrize("index", range(4))
    def test_interventional_means(self, other, index: int) -> None:
        gcm, _, model, scm = other
        name = scm.names[index]
        drawn = gcm.interventional_samples(model, {name: lambda _: 2.0}, num_samples_to_draw=20_000)
        before = torch.zeros(1, 4)  # the mean individual has no noise
        ours = scm.counterfactual(before, Intervention.set(torch.tensor([index]), 2.0))[0, 0]
        assert np.allclose(drawn[list(scm.names)].mean().to_numpy(), ours.numpy(), atol=0.1)

    @pytest.mark.parametrize("index", range(4))
    def test_counterfactuals(self, other, index: int) -> None:
        gcm, pandas, model, scm = other
        values = scm.sample(5, torch.Generator().manual_seed(1))
        observed = pandas.DataFrame(values.double().numpy(), columns=scm.names)
        theirs = gcm.counterfactual_samples(
            model, {scm.names[index]: lambda _: 1.5}, observed_data=observed
        )
        ours = scm.counterfactual(values, Intervention.set(torch.tensor([index]), 1.5))[0]
        assert np.allclose(theirs[list(scm.names)].to_numpy(), ours.numpy(), atol=0.1)
