"""What a twin is trained on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai import Classifier, Dataset
from causalxai_glance.twin.material import Independent, draw_batch, material_of
from causalxai_glance.twin.objective import Batch


def test_material_is_what_the_classifier_makes_of_the_images(looker: Classifier, squares: Dataset):
    split = squares.train[:12]
    concepts = torch.arange(12.0)[:, None]
    material = material_of(split, concepts, looker)
    assert material.images is split.images
    assert torch.equal(material.concepts, concepts)
    torch.testing.assert_close(material.embeddings, looker.embed(split.images).cpu())
    torch.testing.assert_close(material.logits, looker.logits(split.images).cpu())


def marked(material: Batch) -> Batch:
    """Return the material with concepts by which it is recognised."""
    return replace(material, concepts=torch.full_like(material.concepts, 7.0))


@pytest.mark.parametrize(("few", "expected"), [(40, 4), (30, 4), (10, 2), (2, 0)])
def test_references_are_at_most_half_of_a_batch_and_none_is_seen_more_often(
    material: Batch, few: int, expected: int
):
    independent = Independent.of_references(marked(material[torch.arange(few)]), len(material))
    rng = torch.Generator().manual_seed(0)
    for _ in range(20):
        batch = draw_batch(material, independent, 8, rng)
        assert len(batch) == 8
        assert int((batch.concepts == 7).all(dim=1).sum()) == expected


def test_half_of_a_batch_is_drawn_by_weights(material: Batch):
    weights = torch.zeros(len(material))
    weights[3], weights[5] = 1.0, 3.0
    independent = Independent.weighted(marked(material), weights)
    rng, found = torch.Generator().manual_seed(0), []
    for _ in range(50):
        batch = draw_batch(material, independent, 8, rng)
        images = batch.images[(batch.concepts == 7).all(dim=1)]
        assert len(images) == 4
        found += [
            int((image == material.images).flatten(1).all(1).int().argmax()) for image in images
        ]
    assert set(found) == {3, 5}
    assert 0.65 <= found.count(5) / 200 <= 0.85


def test_without_independent_images_a_batch_comes_from_all(material: Batch):
    rng = torch.Generator().manual_seed(0)
    drawn = [draw_batch(material, None, 8, rng) for _ in range(60)]
    images = torch.cat([batch.images for batch in drawn]).flatten(1)
    assert len(images.unique(dim=0)) == len(material.images.flatten(1).unique(dim=0))
