"""What can be said of attribution maps in a sentence."""

from __future__ import annotations

import torch
from torch import Tensor

_HALF = 0.5
ALIKE = 0.8
"""Maps of different classes that correlate more than this hardly depend on the class."""


def share_with_half_of_support(maps: Tensor) -> float | None:
    """Return on what share of the pixels half of the support lies, on average over images.

    Parameters
    ----------
    maps
        ``[n, h, w]``; positive values support the class. An image without support does not count.

    Returns
    -------
    float or None
        In (0, 1]; ``None`` if no image has support.
    """
    support = maps.flatten(1).double().clamp(min=0)
    support = support[support.sum(dim=1) > 0]
    if not len(support):
        return None
    ordered = support.sort(dim=1, descending=True).values.cumsum(dim=1)
    # A rounding error must not decide how many pixels are needed.
    needed = (ordered < ordered[:, -1:] * _HALF * (1 - 1e-9)).sum(dim=1) + 1
    return float(needed.double().mean() / support.shape[1])


def correlation_between_classes(maps: Tensor, target: Tensor) -> float | None:
    """Return the mean correlation between the mean maps of different classes.

    Near 1, the map is the same whatever class is explained.

    Parameters
    ----------
    maps
        ``[n, h, w]``.
    target
        ``[n]``, the class that each explains.

    Returns
    -------
    float or None
        In [-1, 1]; ``None`` for a single class, or where a mean map is constant.
    """
    classes = target.unique()
    if len(classes) < 2:
        return None
    means = torch.stack([maps[target == k].double().mean(dim=0).flatten() for k in classes])
    alike = torch.corrcoef(means)
    upper = alike[*torch.triu_indices(len(classes), len(classes), 1)].mean()
    return None if upper.isnan() else float(upper)


def doubt_of_maps(name: str, maps: Tensor, target: Tensor) -> str:
    """Return a sentence if the maps hardly depend on the class; empty if they do.

    Parameters
    ----------
    name
        The name of the maps.
    maps, target
        As in ``correlation_between_classes``.
    """
    alike = correlation_between_classes(maps, target)
    if alike is None or alike <= ALIKE:
        return ""
    return (
        f"The mean maps of “{name}” for different classes are nearly the same (correlation "
        f"{alike:.2f}): do not take them for what distinguishes one class from another."
    )
