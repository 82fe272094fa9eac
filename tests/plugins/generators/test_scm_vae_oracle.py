"""The oracle of SCM-VAE: consequences, and what the classifier says of its pictures."""

from __future__ import annotations

import pytest
import torch

from causalxai import Classifier, Dataset, Intervention, ScoringInputs
from causalxai.oracle import Oracle
from causalxai.testing import Bench, checks_for
from causalxai_generators.scm_vae_oracle import ScmVaeOracle
from causalxai_generators.scm_vae_space import ScmVaeSpace

from .conftest import SIDE, VAE, WARM

WARMER = Intervention.shift(torch.tensor([1]), 5.0)
FLIP = Intervention.flip(torch.tensor([0]))


@pytest.mark.parametrize("check", checks_for(Oracle), ids=lambda check: check.__name__)
def test_scm_vae_oracle_keeps_its_promises(check, vae_inputs: ScoringInputs):
    images = vae_inputs.dataset.test.images[:3]
    # Its pictures are reconstructions.
    check(Bench(plugin=ScmVaeOracle(), inputs=vae_inputs, images=images, fidelity=0.2))


def test_the_kept_rest_leaves_an_image_as_it_is(
    classifier: Classifier, dataset: Dataset, scm_vae: ScmVaeSpace
):
    kept = ScmVaeSpace(**VAE, keep_rest=True).restore(scm_vae.to_record(), classifier)
    images = dataset.test.images[:10]
    oracle = ScmVaeOracle().bind(classifier, kept)
    units = kept.encode(images)
    shown = oracle.query(units, Intervention.none(), want=("images",)).images[0]
    assert torch.allclose(shown, images, atol=1e-6)
    warmer = oracle.query(units, WARMER, want=("images",)).images[0] - images
    assert float(warmer[:, :, SIDE // 2 :].mean()) == pytest.approx(WARM * 5 / 20, abs=0.03)


def test_consequences_follow_unless_they_are_held(
    classifier: Classifier, dataset: Dataset, scm_vae: ScmVaeSpace
):
    units = scm_vae.encode(dataset.test.images[:20])
    oracle = ScmVaeOracle().bind(classifier, scm_vae)
    assert oracle.propagates
    moved = oracle.states(units, FLIP)[0] - units.values
    signs = 1 - 2 * units.values[:, 0]
    assert torch.allclose(moved[:, 1] * signs, torch.full((20,), 10.0), atol=1.5)
    assert torch.equal(oracle.states(units, WARMER)[0][:, 0], units.values[:, 0])
    held = ScmVaeOracle(propagate=False).bind(classifier, scm_vae)
    assert not held.propagates
    assert torch.equal(held.states(units, FLIP)[0][:, 1], units.values[:, 1])


def test_logits_change_by_what_the_concept_truly_adds(
    classifier: Classifier, dataset: Dataset, scm_vae: ScmVaeSpace
):
    oracle = ScmVaeOracle().bind(classifier, scm_vae)
    units = scm_vae.encode(dataset.test.images[:60])
    change = (
        oracle.query(units, WARMER).logits[0] - oracle.query(units, Intervention.none()).logits[0]
    )
    # The second logit is ten times the mean below, which warmth raises by 0.4 for 20 units.
    assert torch.allclose(change.mean(dim=0), torch.tensor([0.0, 10 * WARM * 5 / 20]), atol=0.3)
