"""Labels of concepts: those that a twin can learn, and those that its SCM layer is fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.columns import informative_rows, require_float32
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError, DataError
from causalxai.image_data.split import evenly_spaced_rows
from causalxai_glance.scm import is_boolean
from causalxai_glance.scm.sample_checks import FEWEST


def labels_to_fit(split: Split, most: int) -> NDArray[np.float64]:
    """Return the labels that an SCM layer is fitted to, ``[n, k]``, in their own units.

    At most ``most`` labels, evenly spaced because a data set may be sorted by class. If they lack a
    rare attribute, some are exchanged for labels that have it.

    Raises
    ------
    CapabilityError
        If the concepts have no labels.
    """
    if split.concepts is None:
        raise CapabilityError("the SCM layer needs labels of the named concepts")
    rows = evenly_spaced_rows(len(split), most)
    labels = np.asarray(split.concepts.double().numpy(), dtype=np.float64)
    return labels[informative_rows(labels, rows.numpy())]


def boolean_concepts(dataset: Dataset) -> list[str]:
    """Return the names of the concepts whose training labels are 0 and 1."""
    labels = dataset.train.concepts
    if labels is None:
        return []
    values = labels.double().numpy()
    return [name for name, column in zip(dataset.concept_names, values.T, strict=True)
            if is_boolean(column)]  # fmt: skip


def check_count(images: int, labelled: bool) -> None:
    """Raise DataError if the training images are too few for a twin, or for its SCM layer."""
    if labelled and images < FEWEST:
        raise DataError(
            f"the SCM layer needs {FEWEST} labelled training images or more, and there "
            f"{'is' if images == 1 else 'are'} {images}; give more, or none of their labels"
        )
    if images == 1:
        raise DataError("a twin needs two training images or more, and there is 1")


def check_labels(labels: Tensor, named: Sequence[str]) -> None:
    """Raise DataError if a concept's training labels ``[n, k]`` can't be learned from."""
    if not bool(torch.isfinite(labels).all()):
        raise DataError("the training labels of concepts hold values that are not finite")
    for name, spread in zip(named, labels.std(dim=0), strict=True):
        if spread <= 0:
            raise DataError(f"the concept {name!r} has one value in all training images")
    require_float32(labels.double().numpy(), named)
