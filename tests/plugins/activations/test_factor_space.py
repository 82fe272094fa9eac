"""The concept space: what it finds, what it refuses, and how it comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai import Classifier, Dataset, ScoringInputs
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError, DataError
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for
from causalxai.testing.bench import stored
from causalxai_activations.factor_concept import FactorConcept
from causalxai_activations.factor_space import ACTIVATIONS, MAPS, FactorSpace

from .conftest import CHANNELS, SETTINGS, SIDE


def matching(space: FactorSpace, planted: Tensor) -> Tensor:
    """Return for each planted factor the place of the one that was found."""
    return (planted @ space.factors_.T).argmax(dim=1)


@pytest.mark.parametrize("check", checks_for(ConceptSpace), ids=lambda check: check.__name__)
@pytest.mark.parametrize("layer", [None, "mix"])
def test_factor_space_keeps_its_promises(
    check, classifier: Classifier, dataset: Dataset, layer: str | None
):
    few = replace(dataset, train=dataset.train[:20], test=dataset.test[:8])
    inputs = ScoringInputs(classifier=classifier, dataset=few, rng=torch_generator(0))
    plugin = FactorSpace(**SETTINGS, layer=layer)
    check(Bench(plugin=plugin, inputs=inputs, images=few.test.images[:3]))


def test_planted_factors_are_recovered(space: FactorSpace, planted_factors: Tensor, dataset):
    order = matching(space, planted_factors)
    assert sorted(order.tolist()) == [0, 1, 2]
    torch.testing.assert_close(space.factors_[order], planted_factors, atol=0.02, rtol=0)
    # The images are the planted coefficients.
    images = dataset.test.images[:10]
    units = space.encode(images)
    torch.testing.assert_close(units.residual[MAPS][:, order], images, atol=0.05, rtol=0)
    torch.testing.assert_close(units.values[:, order], images.mean(dim=(2, 3)), atol=0.02, rtol=0)


def test_factors_are_concepts_of_the_layer(space: FactorSpace, dataset: Dataset):
    assert space.names() == ("factor 1", "factor 2", "factor 3")
    assert space.configured_size == 3
    scales = space.encode(dataset.test.images).values.std(dim=0, correction=0)
    for concept, scale in zip(space.concepts, scales.tolist(), strict=True):
        assert type(concept) is FactorConcept
        assert (concept.layer, concept.low) == ("relu", 0.0)
        assert concept.scale == pytest.approx(scale, rel=1e-4)


def test_the_activations_are_kept(space: FactorSpace, classifier: Classifier, dataset: Dataset):
    images = dataset.test.images[:5]
    kept = space.encode(images).residual[ACTIVATIONS]
    torch.testing.assert_close(kept, classifier.hidden("relu").activations(images))
    torch.testing.assert_close(space.layer_.logits(kept), classifier.logits(images))


def test_shown_crops_are_those_with_most_of_a_factor(space: FactorSpace, planted_factors: Tensor):
    for channel, factor in enumerate(matching(space, planted_factors).tolist()):
        amount = space.crops_[factor].mean(dim=(2, 3))
        assert (amount.argmax(dim=1) == channel).all()
        assert float(amount[0, channel]) >= float(amount[-1, channel])


def test_the_quality_is_told_beside_chance(space: FactorSpace):
    summary, quality = space.summary(), space.quality_
    assert summary["layer"] == "relu"
    assert (summary["images"], summary["crops"]) == (60, 60 * 9)
    assert summary["reconstruction error"] == quality.error.value < 0.05
    assert summary["error of shuffled factors"] > 0.2
    assert summary["agreement of the factors alone"] > 0.95
    assert 0.5 <= summary["agreement by chance"] < 1
    assert "warning" not in summary


def test_an_early_end_is_told(fit: Callable[..., FactorSpace]):
    assert "not converged after 2 steps" in str(fit(steps=2).summary()["warning"])


def test_images_of_one_class_are_those_that_are_taken_for_it(
    fit: Callable[..., FactorSpace], classifier: Classifier, dataset: Dataset
):
    space = fit(of_class="left", images=1000)
    predicted = classifier.predict(dataset.train.images)
    assert space.fit_.images == int((predicted == 0).sum()) < len(dataset.train)


def test_restored_is_the_same_to_the_byte(space: FactorSpace, classifier: Classifier, dataset):
    record = stored(space.to_record())
    back = FactorSpace(space.config).restore(record, classifier)
    images = dataset.test.images
    assert torch.equal(back.encode(images).values, space.encode(images).values)
    assert back.concepts == space.concepts
    assert back.summary() == space.summary()
    again = stored(back.to_record())
    assert again.meta == record.meta
    assert all(torch.equal(again.tensors[name], t) for name, t in record.tensors.items())


def test_seeds_choose_images(fit: Callable[..., FactorSpace]):
    one, other = (fit(seed, images=20).factors_ for seed in (0, 1))
    assert not torch.equal(one, other)


def test_what_does_not_fit_the_data_is_told_before_the_fit(dataset: Dataset):
    with pytest.raises(
        CapabilityError, match=r"concepts\.of_class: there is no class 'lift'.*left"
    ):
        FactorSpace(of_class="lift").check_outline(dataset.outline)
    with pytest.raises(CapabilityError, match=rf"concepts\.crop: 0\.1 of {SIDE} x {SIDE} pixels"):
        FactorSpace(crop=0.1).check_outline(dataset.outline)


def test_too_many_factors_are_refused(fit: Callable[..., FactorSpace]):
    with pytest.raises(DataError, match=r"8 factors cannot be found .* at most 7 can"):
        fit(factors=8)


def test_the_number_of_factors_follows_the_layer(fit: Callable[..., FactorSpace]):
    space = fit(factors=None)
    assert space.configured_size is None
    assert len(space.concepts) == len(space.factors_) == CHANNELS
    assert space.has_fewer_than_usual
    assert not fit().has_fewer_than_usual


def test_one_crop_has_one_factor(fit: Callable[..., FactorSpace]):
    assert len(fit(factors=None, crop=1.0, images=1).factors_) == 1
