"""What a twin is trained on."""

from __future__ import annotations

import torch

from causalxai import Classifier, Dataset
from causalxai_glance.twin.material import material_of


def test_material_is_what_the_classifier_makes_of_the_images(looker: Classifier, squares: Dataset):
    split = squares.train[:12]
    concepts = torch.arange(12.0)[:, None]
    material = material_of(split, concepts, looker)
    assert material.images is split.images
    assert torch.equal(material.concepts, concepts)
    torch.testing.assert_close(material.embeddings, looker.embed(split.images).cpu())
    torch.testing.assert_close(material.logits, looker.logits(split.images).cpu())
