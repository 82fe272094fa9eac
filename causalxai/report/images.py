"""Which images a figure shows, and how images of any number of channels are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice, zip_longest

from torch import Tensor


def some_of_each_class(target: Tensor, most: int, among: Iterable[int] | None = None) -> list[int]:
    """Return which images to show: classes take turns, by the classes and then by the images.

    Parameters
    ----------
    target
        ``[n]``, the class of each image.
    most
        How many, at most.
    among
        Which images there are to choose from; all of them unless given.
    """
    by_class: dict[int, list[int]] = defaultdict(list)
    for image in range(len(target)) if among is None else sorted(among):
        by_class[int(target[image])].append(image)
    classes = [by_class[klass] for klass in sorted(by_class)]
    turns = (image for turn in zip_longest(*classes) for image in turn if image is not None)
    return sorted(islice(turns, most), key=lambda image: (int(target[image]), image))


def as_shown(image: Tensor) -> Tensor:
    """Return an image ``[h, w, 1 or 3]`` for drawing; of other numbers of channels, the mean.

    Parameters
    ----------
    image
        ``[c, h, w]`` in [0, 1].
    """
    shown = image if image.shape[0] in (1, 3) else image.mean(dim=0, keepdim=True)
    return shown.movedim(0, -1)
