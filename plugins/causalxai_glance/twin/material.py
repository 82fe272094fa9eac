"""The images that a twin is trained on, with what the classifier makes of them."""

from __future__ import annotations

from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.dataset import Split
from causalxai.memory import tell_if_too_large
from causalxai_glance.twin.objective import Batch

_COPIES, _BYTES = 3, 4


def material_of(split: Split, concepts: Tensor, classifier: Classifier) -> Batch:
    """Return images with the classifier's embeddings and logits.

    Parameters
    ----------
    split
        The images.
    concepts
        ``[n, k]``, the named concepts, standardised.
    classifier
        The classifier that the twin is distilled from.
    """
    tell_if_too_large(
        "the embeddings of the training images",
        _COPIES * _BYTES * len(split) * classifier.head.width,
        "take fewer training images",
    )
    embeddings = classifier.embed(split.images)
    logits = classifier.head.logits(embeddings)
    return Batch(split.images, embeddings.cpu(), logits.detach().cpu(), concepts)
