"""The explainer: the importance of factors of a linear model is what they add."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from causalxai import ScoringInputs
from causalxai.errors import CapabilityError
from causalxai.explainer import Explainer, Explanation
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for, toy_world
from causalxai_activations.factor_explainer import REMOVAL, TOTAL_INDEX, FactorExplainer


def explained(inputs: ScoringInputs, **settings: int) -> Explanation:
    images = inputs.dataset.test.images[:6]
    target = inputs.classifier.predict(images)
    return FactorExplainer(**settings).explain(images, target, inputs)


@pytest.mark.parametrize("check", checks_for(Explainer), ids=lambda check: check.__name__)
def test_factor_explainer_keeps_its_promises(check, inputs: ScoringInputs):
    images = inputs.dataset.test.images[:3]
    check(Bench(plugin=FactorExplainer(designs=4), inputs=inputs, images=images))


def test_a_linear_models_importance_is_what_factors_add(inputs: ScoringInputs):
    found = explained(inputs, designs=512)
    effect = inputs.space.factors_ @ inputs.classifier.model.last.weight.T
    added = found.units.values * effect[:, found.target].T
    torch.testing.assert_close(found.details[REMOVAL], added, atol=2e-3, rtol=0)
    torch.testing.assert_close(found.importance, added, atol=4e-3, rtol=0.05)
    shares = added.square() / added.square().sum(dim=1, keepdim=True)
    torch.testing.assert_close(found.details[TOTAL_INDEX], shares, atol=0.05, rtol=0)


def test_the_map_shows_where_factors_are(inputs: ScoringInputs):
    found = explained(inputs)
    # The layer has the size of the image, so that the map is not resized.
    mean = found.maps["concepts"].mean(dim=(1, 2))
    torch.testing.assert_close(mean, found.importance.sum(dim=1), atol=1e-4, rtol=1e-4)
    images = found.images
    factors, planted = inputs.space.factors_, inputs.classifier.model.mix.weight[..., 0, 0].T
    order = (planted @ factors.T).argmax(dim=1)
    weight = found.importance[:, order] / images.mean(dim=(2, 3)).clamp(min=1e-6)
    expected = (weight[..., None, None] * images).sum(dim=1)
    torch.testing.assert_close(found.maps["concepts"], expected, atol=0.2, rtol=0.1)


def test_chance_comes_from_the_generator(inputs: ScoringInputs):
    one, same, other = (
        explained(replace(inputs, rng=torch_generator(seed)), designs=4).importance
        for seed in (0, 0, 1)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_designs_are_a_power_of_two():
    with pytest.raises(ValidationError, match="must be a power of two, not 33"):
        FactorExplainer(designs=33)


def test_other_concepts_are_refused():
    world = toy_world(0)
    images = world.inputs().dataset.test.images[:2]
    target = world.inputs().classifier.predict(images)
    with pytest.raises(CapabilityError, match="craft works with FactorSpace, not with ToySpace"):
        FactorExplainer().explain(images, target, world.inputs())
