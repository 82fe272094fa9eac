"""The concept space of SCM-VAE: what it learns, what it refuses, and how it comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai import Classifier, Dataset, ScoringInputs
from causalxai.concept import BooleanConcept
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError, DataError
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Keeper, KilledError, checks_for
from causalxai_generators.scm_vae_space import ScmVaeSpace

from .conftest import VAE


@pytest.mark.parametrize("check", checks_for(ConceptSpace), ids=lambda check: check.__name__)
def test_scm_vae_keeps_its_promises(check, classifier: Classifier, with_references: Dataset):
    inputs = ScoringInputs(classifier=classifier, dataset=with_references, rng=torch_generator(0))
    plugin = ScmVaeSpace(**{**VAE, "steps": 3})
    check(Bench(plugin=plugin, inputs=inputs, images=inputs.dataset.test.images[:3]))


def test_concepts_are_read_in_the_units_of_their_labels(scm_vae: ScmVaeSpace, dataset: Dataset):
    lit, warmth = scm_vae.concepts
    assert isinstance(lit, BooleanConcept)
    assert warmth.scale == pytest.approx(float(dataset.test.concepts[:, 1].std()), rel=0.1)
    values = scm_vae.encode(dataset.test.images).values
    assert (values[:, 0] == dataset.test.concepts[:, 0]).float().mean() > 0.98
    assert torch.corrcoef(torch.stack([values[:, 1], dataset.test.concepts[:, 1]]))[0, 1] > 0.95


def test_pictures_show_what_was_set_and_hold_the_rest(scm_vae: ScmVaeSpace):
    summary = scm_vae.summary()
    for name in ("lit", "warmth"):
        assert summary[f"own effect of {name}"] == pytest.approx(1.0, abs=0.25)
        assert summary[f"leakage of {name}"] < 0.25
    assert "warning" not in summary


def test_the_mechanism_is_the_one_of_the_labels(scm_vae: ScmVaeSpace):
    # Lit images are warmer by half of the range of warmth, which is 20.
    dark = torch.tensor([[0.0, 105.0]])
    lit = dark + torch.tensor([[1.0, 0.0]])
    result = scm_vae.mechanisms_.follow(dark, lit, torch.tensor([[True, False]]))
    assert float(result[0, 1]) == pytest.approx(115.0, abs=1.5)


def test_training_goes_on_from_a_checkpoint(classifier: Classifier, with_references: Dataset):
    def trained(checkpoint: Keeper) -> torch.Tensor:
        space = ScmVaeSpace(**{**VAE, "steps": 105, "width": 4, "batch_size": 8})
        rng, point = torch_generator(0), checkpoint.checkpoint
        space.fit(classifier, with_references, rng=rng, checkpoint=point)
        return space.vae_.large.weight

    whole = trained(Keeper())
    keeper = Keeper(dies_after=1)
    with pytest.raises(KilledError):
        trained(keeper)
    assert torch.equal(trained(keeper), whole)


def test_what_it_cannot_be_trained_on_is_told(classifier: Classifier, dataset: Dataset):
    bare = replace(
        dataset,
        train=replace(dataset.train, concepts=None),
        test=replace(dataset.test, concepts=None),
        concept_names=(),
    )
    with pytest.raises(CapabilityError, match="needs a data set with labelled concepts"):
        ScmVaeSpace().check_outline(bare.outline)
    with pytest.raises(CapabilityError, match="there is no concept 'warm'"):
        ScmVaeSpace(causes={"warm": ["lit"]}).check_outline(dataset.outline)
    with pytest.raises(DataError, match="'lit' is boolean and has no additive noise"):
        ScmVaeSpace(causes={"lit": ["warmth"]}).check_dataset(dataset)
