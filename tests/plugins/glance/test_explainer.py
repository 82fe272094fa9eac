"""LIME on aligned latents, where the right answer is known in closed form, and on a real twin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from causalxai import Classifier, Dataset, ScoringInputs, Split
from causalxai.errors import CapabilityError
from causalxai.explainer import Explainer, Explanation
from causalxai.intervention import Action, Intervention
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for
from causalxai_glance.explainer import GlanceExplainer
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.pairs import Pairs
from causalxai_glance.scm import StructuralModel
from causalxai_glance.twin_oracle import TwinOracle

LATENTS, SIDE, PATCH, SCALE = 8, 16, 4, 40.0
# Logits of two classes for one sd of each concept; "cause" has no effect of its own.
READS = torch.tensor(
    [[0.0, 2.0, -1.0, 0.5, 0.0, 0.0, 0.0, 0.7], [0.0, -1.5, 0.0, 0.0, 0.9, 0.0, 0.0, -0.4]]
).T


class Patches(nn.Module):
    """A perfect twin: each latent is the brightness of a patch."""

    def latents(self, embeddings: Tensor) -> Tensor:
        patches = functional.avg_pool2d(embeddings.view(-1, 1, SIDE, SIDE), PATCH).flatten(1)
        return (patches[:, :LATENTS] - 0.5) * SCALE

    def render(self, latents: Tensor, noise: torch.Generator | None = None) -> Tensor:
        patches = functional.pad(latents, (0, LATENTS)) / SCALE + 0.5
        grid = patches.view(-1, 1, SIDE // PATCH, SIDE // PATCH)
        return grid.repeat_interleave(PATCH, 2).repeat_interleave(PATCH, 3).clamp(0, 1)


class ExactSpace(LatentSpace):
    """Latents of the perfect twin, with an SCM layer in which the first concept bends the next."""

    def fit(self, classifier, dataset, *, rng, **_):
        self._attach(classifier, dataset.concept_names)
        self.twin_, self.scm_ = Patches(), None
        self.mean_, self.sd_ = torch.zeros(LATENTS), torch.ones(LATENTS)
        if self.named_:
            values = dataset.train.concepts
            self.mean_[:2], self.sd_[:2] = values.mean(dim=0), values.std(dim=0)
            self.scm_ = StructuralModel.fit(values.numpy(), self.named_, edges=[(0, 1)])
        return self

    def values(self, latents: Tensor) -> Tensor:
        return self.mean_ + self.sd_ * latents

    def latents(self, values: Tensor) -> Tensor:
        return (values - self.mean_) / self.sd_


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
def exact() -> ScoringInputs:
    rng = torch_generator(0, "exact")
    cause = 3 + 2 * torch.rand(400, generator=rng)
    effect = 10 * torch.tanh(cause - 4) + torch.rand(400, generator=rng)
    concepts = torch.stack([cause, effect], dim=1)
    standardised = (concepts - concepts.mean(dim=0)) / concepts.std(dim=0)
    latents = torch.cat([standardised, torch.randn(400, LATENTS - 2, generator=rng)], dim=1)
    classifier = linear_classifier()
    images = Patches().render(latents)
    split = Split(images, classifier.predict(images), concepts)
    dataset = Dataset(split, split[:40], ("a", "b"), ("cause", "effect"))
    space = ExactSpace(latents=LATENTS).fit(classifier, dataset, rng=rng)
    oracle = TwinOracle().bind(classifier, space)
    return ScoringInputs(
        classifier=classifier, dataset=dataset, rng=rng, space=space, oracle=oracle
    )


def explain(inputs: ScoringInputs, count: int = 6, **settings: object) -> Explanation:
    inputs = replace(inputs, rng=torch_generator(5))
    images = inputs.dataset.test.images[:count]
    target = inputs.classifier.predict(images).cpu()
    return GlanceExplainer(**{"samples": 80, **settings}).explain(images, target, inputs)


@pytest.mark.parametrize("sparsity", [0.0, 0.05])
def test_direct_contributions_are_not_polluted_by_the_path(exact: ScoringInputs, sparsity: float):
    explanation = explain(exact, sparsity=sparsity)
    expected = READS[:, explanation.target].T
    torch.testing.assert_close(explanation.importance, expected, atol=2e-4, rtol=0)
    assert (explanation.details["fidelity"] > 1 - 1e-6).all()
    # The path from "cause" is there all the same: do() has an effect, by way of "effect" alone.
    assert (explanation.details["effect"][:, 0].abs() > 0.3).any(dim=1).all()


def test_sparse_models_leave_out_what_has_no_effect(exact: ScoringInputs):
    explanation = explain(exact, sparsity=0.05)
    nothing = READS[:, explanation.target].T == 0
    assert nothing.any()
    assert (explanation.importance[nothing] == 0).all()
    few = explain(exact, sparsity=0.5).importance != 0
    assert 0 < few.sum() < (explanation.importance != 0).sum()


def test_effects_are_the_structural_models(exact: ScoringInputs):
    explanation = explain(exact, step=0.5)
    space, units = exact.space, exact.space.encode(explanation.images)
    own = units.values[:, :2].double().numpy()
    for concept in (0, 1):
        for side, sign in enumerate((1, -1)):
            setting = own[:, concept] + sign * 0.5 * float(space.sd_[concept])
            noise = space.scm_.abduct(own)
            after = space.scm_.predict(noise, {concept: setting})
            moved = (after - own) / space.sd_[:2].double().numpy()
            expected = (moved * READS[:2, explanation.target].T.double().numpy()).sum(axis=1)
            found = explanation.details["effect"][:, concept, side].numpy()
            np.testing.assert_allclose(found, expected, atol=1e-3)


def test_without_propagation_a_cause_has_no_effect(exact: ScoringInputs):
    literal = TwinOracle(propagate=False).bind(exact.classifier, exact.space)
    explanation = explain(replace(exact, oracle=literal))
    assert explanation.details["effect"][:, 0].abs().max() < 1e-3
    expected = READS[:, explanation.target].T
    torch.testing.assert_close(explanation.importance, expected, atol=2e-4, rtol=0)


def test_an_explanation_does_not_depend_on_the_other_images(exact: ScoringInputs):
    many, one = explain(exact, 6), explain(exact, 1)
    torch.testing.assert_close(many.importance[:1], one.importance, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(many.details["fidelity"][:1], one.details["fidelity"])


def test_concepts_without_a_name_stand_in_for_named_ones(exact: ScoringInputs):
    def unlabelled(split: Split) -> Split:
        return replace(split, concepts=None)

    dataset = exact.dataset
    bare = Dataset(unlabelled(dataset.train), unlabelled(dataset.test), dataset.class_names)
    space = ExactSpace(latents=LATENTS).fit(exact.classifier, bare, rng=torch_generator(0))
    oracle = TwinOracle().bind(exact.classifier, space)
    explanation = explain(replace(exact, dataset=bare, space=space, oracle=oracle))
    strongest = READS[:, explanation.target].abs().mean(dim=1).argsort(descending=True)[:3]
    assert explanation.meta["contrasted"] == [f"latent {i}" for i in sorted(strongest.tolist())]
    assert explanation.details["effect"].shape == (6, 3, 2)


def test_what_ifs_are_what_the_oracle_answers(glance_context: ScoringInputs):
    explanation = explain(glance_context, 5, step=0.7, pictures=3)
    details, oracle = explanation.details, glance_context.oracle
    units = glance_context.space.encode(explanation.images)
    sd = float(glance_context.space.sd_[1])
    down = Intervention.shift(torch.tensor([1]), -0.7 * sd)
    answer = oracle.query(units, down, want=("logits", "images"))
    expected = answer.answer("logits")[0].softmax(dim=1)
    pairs = Pairs.of(explanation)
    torch.testing.assert_close(pairs.intervened[:, 1, 1].softmax(dim=1), expected)
    chosen = pairs.pictured
    assert len(chosen) == 3
    pictures = answer.answer("images")[0, chosen]
    torch.testing.assert_close(pairs.intervened_pictures[:, 1, 1], pictures)
    as_seen = oracle.query(units, Intervention.none(), want=("logits", "images"))
    seen = as_seen.answer("images")[0, chosen]
    torch.testing.assert_close(pairs.perceived_pictures, seen)
    own = as_seen.answer("logits")[0]
    torch.testing.assert_close(pairs.perceived, own)
    change = (answer.answer("logits")[0] - own)[torch.arange(5), explanation.target]
    torch.testing.assert_close(details["effect"][:, 1, 1], change, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(explanation.units.values, units.values)


def test_what_ifs_say_what_is_done(glance_context: ScoringInputs):
    explanation = explain(glance_context, 2, step=0.7, pictures=1)
    sd = glance_context.space.sd_
    said = [(one.row, one.words, one.image is not None) for one in explanation.what_ifs]
    words = ["as perceived"]
    for name in ("size", "brightness"):
        words += [f"{name} {sign}0.7\N{NO-BREAK SPACE}sd" for sign in ("+", "\N{MINUS SIGN}")]
    (pictured,) = Pairs.of(explanation).pictured.tolist()
    assert said == [(row, word, row == pictured) for row in (0, 1) for word in words]
    (down,) = explanation.what_ifs[4].changes
    assert (down.concept, down.action) == ("brightness", Action.SHIFT)
    assert down.value == pytest.approx(-0.7 * float(sd[1]))


def test_pictures_are_kept_of_every_class(glance_context: ScoringInputs):
    explanation = explain(glance_context, 30, samples=16, pictures=3)
    assert len(explanation.target.unique()) == 3
    assert len(explanation.target[Pairs.of(explanation).pictured].unique()) == 3


def test_known_effects_on_a_trained_twin(glance_context: ScoringInputs):
    explanation = explain(glance_context, 40)
    dim, large = explanation.target == 0, explanation.target == 2
    size, brightness = explanation.importance[:, :2].T
    assert brightness[dim].mean() < 0 < brightness[large].mean()
    assert size[large].mean() > 0
    assert explanation.details["fidelity"].mean() > 0.5


def test_too_few_samples_are_refused(glance_context: ScoringInputs):
    with pytest.raises(CapabilityError, match="15 samples are too few for 8 concepts"):
        explain(glance_context, samples=15)


def test_another_oracle_is_refused(glance_context: ScoringInputs):
    from causalxai.testing import toy_world

    with pytest.raises(CapabilityError, match="LatentSpace"):
        GlanceExplainer().explain(torch.rand(1, 1, 8, 8), 0, toy_world(0).inputs())


@pytest.mark.parametrize("check", checks_for(Explainer), ids=lambda check: check.__name__)
def test_glance_explainer_keeps_its_promises(check, glance_context: ScoringInputs):
    images = glance_context.dataset.test.images[:3]
    plugin = GlanceExplainer(samples=32, pictures=2)
    check(Bench(plugin=plugin, inputs=glance_context, images=images))
