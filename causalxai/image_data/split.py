"""Labelled images, and the parts of which a data set is made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from causalxai.graph import CausalGraph
from causalxai.image_data.lazy import Images, LazyImages

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Some labelled images.

    Parameters
    ----------
    images
        ``[n, c, h, w]``, float32 in [0, 1]: a tensor, or ``LazyImages`` where they would take too
        much memory. ``images[rows]`` is a tensor in any case.
    labels
        ``[n]``, int64 class indices.
    concepts
        ``[n, m]``, floats: the measured values of ``Dataset.concept_names``; ``None`` if unknown.
        Float64 keeps numbers such as dates, of which float32 would lose digits.
    set_concepts
        ``[n, m]``, floats: the values with which the images were rendered; ``None`` if they were
        not rendered.
    groups
        ``[n]``, int64: images with the same number show the same individual and must not be
        divided between training and test images; ``None`` if all individuals differ.
    """

    images: Images
    labels: Tensor
    concepts: Tensor | None = None
    set_concepts: Tensor | None = None
    groups: Tensor | None = None

    def __len__(self) -> int:
        return self.images.shape[0]

    def __repr__(self) -> str:
        lazy = ", read when they are asked for" if isinstance(self.images, LazyImages) else ""
        return f"Split(images {list(self.images.shape)}{lazy})"

    def __getitem__(self, rows: slice | Tensor) -> Split:
        """Return some of the images; lazy ones are not read yet."""
        images = self.images
        chosen = images.rows(rows) if isinstance(images, LazyImages) else images[rows]
        optional = (self.concepts, self.set_concepts, self.groups)
        kept = (None if tensor is None else tensor[rows] for tensor in optional)
        return Split(chosen, self.labels[rows], *kept)


@dataclass(frozen=True)
class DatasetParts:
    """What was read of a data set; ``Dataset`` has the same fields and checks them."""

    train: Split
    test: Split
    class_names: tuple[str, ...]
    concept_names: tuple[str, ...] = ()
    graph: CausalGraph | None = None
    held_out: bool | None = None


def evenly_spaced_rows(count: int, most: int) -> Tensor:
    """Return the indices of at most ``most`` of ``count`` rows, evenly spaced from first to last.

    A data set may be sorted by class, so that its first rows are not like the others.

    Returns
    -------
    Tensor
        ``[min(count, most)]``, int64, in ascending order.
    """
    import torch

    rows = torch.linspace(0, count - 1, min(count, most), dtype=torch.float64)
    return rows.round().long()


def some_of_each_class(target: Tensor, most: int, among: Iterable[int] | None = None) -> list[int]:
    """Return which images to show, taking turns between the classes; sorted by class and index.

    Parameters
    ----------
    target
        ``[n]``, the class of each image.
    most
        The maximum number of images.
    among
        The indices of the images to choose from; all images by default.
    """
    by_class: dict[int, list[int]] = defaultdict(list)
    for image in range(len(target)) if among is None else sorted(among):
        by_class[int(target[image])].append(image)
    classes = [by_class[klass] for klass in sorted(by_class)]
    turns = (image for turn in zip_longest(*classes) for image in turn if image is not None)
    return sorted(islice(turns, most), key=lambda image: (int(target[image]), image))
