"""Readers of concepts that can be seen, and of one that cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai.dataset import Split
from causalxai.errors import CapabilityError
from causalxai.metrics.concept_readers import ConceptReaders
from causalxai.testing.toys import ToyWorld


def with_columns(world: ToyWorld) -> ToyWorld:
    """Return the world with a concept that is noise, and one that is boolean."""
    rng = torch.Generator().manual_seed(0)

    def widened(split: Split) -> Split:
        values = split.concepts
        noise = torch.randn(len(values), 1, generator=rng)
        positive = (values[:, :1] > 0).float()
        return replace(split, concepts=torch.cat([values, noise, positive], dim=1))

    names = (*world.dataset.concept_names, "noise", "positive")
    data = world.dataset
    train, test = widened(data.train), widened(data.test)
    return replace(
        world, dataset=replace(data, train=train, test=test, concept_names=names, graph=None)
    )


def test_what_can_be_seen_is_read_from_images(labelled: ToyWorld):
    world, wide = labelled, with_columns(labelled)
    rng = torch.Generator().manual_seed(1)
    readers = ConceptReaders.train(wide.classifier, wide.dataset, rng)
    assert readers.unread == ("noise",)
    assert readers.names == (*world.space.names(), "positive")
    images = world.dataset.test.images
    read = readers.read(images)
    true = wide.dataset.test.concepts[:, [0, 1, 2, 3, 5]].double()
    error = ((read - true) ** 2).mean(dim=0) / true.var(dim=0, correction=0)
    assert (1 - error[:4]).tolist() == pytest.approx(readers.r2[:4], abs=1e-6)
    assert bool((error[:4] < 0.3).all())
    assert set(read[:, 4].tolist()) == {0.0, 1.0}
    assert float((read[:, 4] == true[:, 4]).double().mean()) > 0.85


def test_images_without_concepts_cannot_be_learned_from(world: ToyWorld):
    train, test = (
        replace(split, concepts=None) for split in (world.dataset.train, world.dataset.test)
    )
    data = replace(world.dataset, concept_names=(), graph=None, train=train, test=test)
    with pytest.raises(CapabilityError, match="no measured concepts"):
        ConceptReaders.train(world.classifier, data, torch.Generator())
