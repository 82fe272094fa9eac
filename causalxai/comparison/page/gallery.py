"""The same images through every method: attribution maps, and pairs of pictures.

An explanation with images of what-ifs is shown by the what-if that changes the confidence in the
class most, or, if several change it equally, by the one that changes the image most. All other
explanations are shown by their first map.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.comparison.page.saved_results import SavedResult
from causalxai.dataset import some_of_each_class
from causalxai.explainer import Explanation
from causalxai.report.pictures import Thumbnail, map_thumbnail, thumbnail
from causalxai.what_if import WhatIf

_MOST_IMAGES = 3


@dataclass(frozen=True)
class Strip:
    """The thumbnails of one method for each image, and a description of them."""

    label: str
    control: bool
    shows: str
    tiles: tuple[tuple[Thumbnail, ...], ...]

    @property
    def width(self) -> int:
        """The number of thumbnails side by side."""
        return max(map(len, self.tiles))


@dataclass(frozen=True)
class Gallery:
    """The images, and each method's strip.

    Parameters
    ----------
    images
        The images that are shown.
    strips
        The strips of the methods, in their order.
    others
        The methods that explained other images.
    """

    images: tuple[Thumbnail, ...]
    strips: tuple[Strip, ...]
    others: tuple[str, ...] = ()

    @property
    def has_pairs(self) -> bool:
        """Whether any method is shown by painted images with their confidences."""
        tiles = [tile for strip in self.strips for row in strip.tiles for tile in row]
        return any(tile.figure for tile in tiles)

    @property
    def has_controls(self) -> bool:
        """Whether any strip is a control's."""
        return any(strip.control for strip in self.strips)


@dataclass(frozen=True)
class _Explained:
    """The explanation of a run, and the run's label."""

    label: str
    control: bool
    explanation: Explanation


def gallery(shown: Sequence[SavedResult]) -> Gallery | None:
    """Return the gallery for the page, or nothing if no method has images or maps."""
    explained = [
        _Explained(one.label, one.control, one.explanation)
        for one in shown
        if one.explanation is not None
    ]
    drawable = [one for one in explained if _pictured(one.explanation) or one.explanation.maps]
    if not drawable:
        return None
    images = drawable[0].explanation.images
    alike = [one for one in drawable if torch.equal(one.explanation.images, images)]
    rows = sorted(some_of_each_class(alike[0].explanation.target, _MOST_IMAGES, _common(alike)))
    tiles = tuple(Thumbnail(thumbnail(images[row]), f"image {row}") for row in rows)
    others = tuple(one.label for one in drawable if one not in alike)
    return Gallery(tiles, tuple(_strip(one, rows) for one in alike), others)


def _pictured(explanation: Explanation) -> set[int]:
    """Return the rows of images that have what-ifs with rendered images."""
    return {one.row for one in explanation.what_ifs if one.image is not None}


def _common(shown: Sequence[_Explained]) -> set[int] | None:
    """Return the rows that all methods with rendered images share; ``None`` if none has any."""
    rows: set[int] | None = None
    for one in shown:
        if own := _pictured(one.explanation):
            rows = own if rows is None else rows & own or rows
    return rows


def _strip(result: _Explained, rows: Sequence[int]) -> Strip:
    explanation = result.explanation
    if _pictured(explanation):
        tiles = tuple(tuple(_pair(explanation, row)) for row in rows)
        return Strip(result.label, result.control, "as painted, and what if", tiles)
    name, heat = next(iter(explanation.maps.items()))
    maps = tuple(
        (Thumbnail(map_thumbnail(explanation.images[row], heat[row]), f"{result.label}: {name}"),)
        for row in rows
    )
    shows = "map" if name.lower() == result.label.lower() else name
    return Strip(result.label, result.control, shows, maps)


def _pair(explanation: Explanation, row: int) -> Iterator[Thumbnail]:
    """Yield thumbnails of an image as perceived and of its what-if, as far as they exist."""
    klass = int(explanation.target[row])
    own = [one for one in explanation.what_ifs if one.row == row and one.image is not None]
    perceived = next((one for one in own if not one.changes), None)
    if perceived is not None and perceived.image is not None:
        confidence = f"{perceived.confidence(klass):.0%}"
        yield Thumbnail(thumbnail(perceived.image), "as painted", "painted", confidence)
    changed = [one for one in own if one.changes]
    if not changed:
        return
    largest = max(changed, key=lambda one: _change(one, perceived, explanation.images[row], klass))
    if largest.image is not None:
        words, confidence = largest.words, f"{largest.confidence(klass):.0%}"
        yield Thumbnail(thumbnail(largest.image), f"what if: {words}", words, confidence)


def _change(
    what_if: WhatIf, perceived: WhatIf | None, given: Tensor, klass: int
) -> tuple[float, float]:
    """Return the change of the confidence in a class, if known, and the change of the image."""
    seen = given if perceived is None or perceived.image is None else perceived.image
    moved = 0.0 if what_if.image is None else float((what_if.image - seen).abs().mean())
    if perceived is None:
        return 0.0, moved
    return abs(what_if.confidence(klass) - perceived.confidence(klass)), moved
