"""The labels of concepts that a generator is fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from causalxai.columns import require_independent
from causalxai.dataset import Split
from causalxai.errors import DataError

_FEWEST = 50


def labels_of(split: Split, names: Sequence[str], chosen: Sequence[str]) -> Tensor:
    """Return the labels ``[n, k]`` of chosen concepts.

    Parameters
    ----------
    split
        The images.
    names
        All concepts of the data set.
    chosen
        Some of these.

    Raises
    ------
    DataError
        If there are no labels or fewer than 50, or one does not vary or follows from others.
    """
    if split.concepts is None:
        raise DataError("concepts: the data set's images have no labels of their concepts")
    labels = split.concepts[:, [list(names).index(name) for name in chosen]]
    if len(labels) < _FEWEST:
        raise DataError(f"concepts: {len(labels)} images with labels are too few; take 50 or more")
    require_independent(labels.double().numpy(), list(chosen))
    return labels


def boolean_columns(labels: Tensor) -> frozenset[int]:
    """Return the indices of the columns that hold nothing but 0 and 1."""
    is_one = torch.isin(labels, torch.tensor([0.0, 1.0]).to(labels)).all(dim=0)
    return frozenset(is_one.nonzero()[:, 0].tolist())
