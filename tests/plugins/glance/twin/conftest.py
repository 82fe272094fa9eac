"""What twins are trained on: forty squares, as the classifier embeds them."""

from __future__ import annotations

import pytest

from causalxai import Classifier, Dataset
from causalxai_glance.twin.objective import Batch


@pytest.fixture(scope="session")
def material(looker: Classifier, squares: Dataset) -> Batch:
    train = squares.train[:40]
    concepts = (train.concepts - train.concepts.mean(dim=0)) / train.concepts.std(dim=0)
    logits = looker.logits(train.images)
    return Batch(train.images, looker.embed(train.images), logits, concepts)
