"""LIME on concepts where the right answer is known in closed form."""

from __future__ import annotations

import pytest
import torch

from causalxai.errors import CapabilityError
from causalxai.generic.concept_lime import ConceptLime
from causalxai.intervention import Intervention
from causalxai.testing import ToyWorld


def test_a_linear_world_is_explained_by_what_the_classifier_reads(world: ToyWorld):
    test = world.dataset.test
    found = ConceptLime(samples=60, sparsity=0).explain(test.images, test.labels, world.inputs())
    scale = torch.tensor([concept.scale for concept in world.space.concepts])
    # Direct effects: what a concept causes is among the regressors.
    expected = scale * world.reads[:, test.labels].T
    torch.testing.assert_close(found.importance, expected, atol=5e-3, rtol=5e-3)
    assert found.details["fidelity"].min() > 0.9999


def test_a_boolean_concept_supports_what_it_adds_as_it_stands(pair):
    parts = pair("dvae")
    images = parts.dataset.test.images[:8]
    found = ConceptLime(samples=64, sparsity=0).explain(images, 0, parts)
    units = parts.space.encode(images)
    on = units.values.cpu()
    assert 0 < float(on.mean()) < 1
    flips = [
        parts.oracle.query(units, concept.intervention(place)).of_class(torch.zeros(8).long())[0]
        for place, concept in enumerate(parts.space.concepts)
    ]
    before = parts.oracle.query(units, Intervention.none()).of_class(torch.zeros(8).long())[0]
    lost = torch.stack([before - after for after in flips], dim=1).cpu()
    # The decoder is linear and the rest of the network nearly so: both say the same.
    together = torch.corrcoef(torch.stack([lost.flatten(), found.importance.flatten()]))[0, 1]
    assert float(together) > 0.9


def test_too_few_samples_are_refused(world: ToyWorld):
    images = world.dataset.test.images[:2]
    with pytest.raises(CapabilityError, match=r"set explain\.samples to 8 or more"):
        ConceptLime(samples=6).explain(images, 0, world.inputs())
