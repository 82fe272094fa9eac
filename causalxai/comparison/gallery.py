"""The same images through every method: attribution maps, and pairs of pictures.

An explanation that paints what-ifs is shown by them, if it keeps these details: ``pictured``
``[m]``, which images have pictures; ``perceived picture`` ``[m, c, h, w]``, how they are painted as
they are; and ``NAME picture``, each what-if, of the same shape, or ``[m, k, 2, c, h, w]`` where the
k concepts named by ``meta["contrasted"]`` are set higher and lower by ``meta["step"]`` sds. Where
``perceived`` and ``NAME`` are their probabilities ``[n, K]`` and ``[n, (k, 2,) K]``, the what-if is
the one that changes the confidence in the class most, or else the picture. All other explanations
are shown by their first map.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import cast

import torch
from torch import Tensor

from causalxai.comparison.exhibits import Exhibit
from causalxai.comparison.tiles import Tile, overlay, picture
from causalxai.explainer import Explanation

_MOST_IMAGES = 3
MINUS = "\N{MINUS SIGN}"
_PERCEIVED, _PICTURE = "perceived", " picture"


@dataclass(frozen=True)
class Strip:
    """One method's column: its tiles for each image, and what they show."""

    label: str
    control: bool
    shows: str
    tiles: tuple[tuple[Tile, ...], ...]

    @property
    def width(self) -> int:
        """How many tiles stand side by side."""
        return max(map(len, self.tiles))


@dataclass(frozen=True)
class Gallery:
    """The images, and each method's strip; ``others`` explained other images."""

    images: tuple[Tile, ...]
    strips: tuple[Strip, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class _WhatIf:
    """A picture of an image as it could be."""

    told: str
    pixels: Tensor
    confidence: float | None


def gallery(shown: Sequence[Exhibit]) -> Gallery | None:
    """Return the pictures for the page, or nothing where no method left any."""
    drawable = [one for one in shown if _paints(one.explanation) or one.explanation.maps]
    if not drawable:
        return None
    inputs = drawable[0].explanation.inputs
    alike = [one for one in drawable if torch.equal(one.explanation.inputs, inputs)]
    rows = _some_of_each_class(alike)
    images = tuple(Tile(picture(inputs[row]), f"image {row}") for row in rows)
    strips = tuple(_strip(one, rows) for one in alike)
    others = tuple(one.label for one in drawable if one not in alike)
    return Gallery(images, strips, others)


def _paints(explanation: Explanation) -> bool:
    details = explanation.details
    return bool(len(details.get("pictured", ()))) and f"{_PERCEIVED}{_PICTURE}" in details


def _some_of_each_class(shown: Sequence[Exhibit]) -> list[int]:
    """Return images that all methods that paint have painted, classes taking turns."""
    first = shown[0].explanation
    rows = set(range(len(first)))
    for one in shown:
        if _paints(one.explanation):
            painted = set(one.explanation.details["pictured"].tolist())
            rows = rows & painted or rows
    by_class: dict[int, list[int]] = defaultdict(list)
    for row in sorted(rows):
        by_class[int(first.target[row])].append(row)
    turns = (row for turn in zip_longest(*by_class.values()) for row in turn if row is not None)
    return sorted(islice(turns, _MOST_IMAGES))


def _strip(exhibit: Exhibit, rows: Sequence[int]) -> Strip:
    explanation = exhibit.explanation
    if _paints(explanation):
        tiles = tuple(tuple(_pair(explanation, row)) for row in rows)
        return Strip(exhibit.label, exhibit.control, "as painted, and what if", tiles)
    name, heat = next(iter(explanation.maps.items()))
    maps = tuple(
        (Tile(overlay(explanation.inputs[row], heat[row]), f"{exhibit.label}: {name}"),)
        for row in rows
    )
    shows = "map" if name.lower() == exhibit.label.lower() else name
    return Strip(exhibit.label, exhibit.control, shows, maps)


def _pair(explanation: Explanation, row: int) -> Iterator[Tile]:
    """Yield an image as it is painted, and as it could be; neither where it is not painted."""
    details, klass = explanation.details, int(explanation.target[row])
    found = (details["pictured"] == row).nonzero().flatten().tolist()
    if not found:
        return
    seen = details[f"{_PERCEIVED}{_PICTURE}"][found[0]]
    before = _confidence(explanation, _PERCEIVED, row, klass)
    yield Tile(picture(seen), "as painted", "painted", _percent(before))
    what_ifs = list(_what_ifs(explanation, row, found[0], klass))
    if what_ifs:
        largest = max(what_ifs, key=lambda one: _change(one, seen, before))
        confidence = _percent(largest.confidence)
        yield Tile(picture(largest.pixels), f"what if: {largest.told}", largest.told, confidence)


def _what_ifs(explanation: Explanation, row: int, place: int, klass: int) -> Iterator[_WhatIf]:
    for name, tensor in explanation.details.items():
        kind = name.removesuffix(_PICTURE)
        if kind in (name, _PERCEIVED):
            continue
        pixels = tensor[place]
        sides = [()] if pixels.dim() == explanation.inputs[0].dim() else _sides(pixels)
        for side in sides:
            told = _told(explanation, side) if side else kind
            yield _WhatIf(told, pixels[side], _confidence(explanation, kind, row, klass, side))


def _sides(pixels: Tensor) -> list[tuple[int, ...]]:
    return [(concept, side) for concept in range(pixels.shape[0]) for side in (0, 1)]


def _told(explanation: Explanation, side: tuple[int, ...]) -> str:
    """Say what is done to a concept."""
    concept, lower = side
    name = cast("list[str]", explanation.meta["contrasted"])[concept]
    if name in cast("list[str]", explanation.meta.get("boolean", [])):
        return f"not {name}" if lower else name
    step = cast("float", explanation.meta["step"])
    return f"{name} {MINUS if lower else '+'}{step:g}\N{NO-BREAK SPACE}sd"


def _confidence(
    explanation: Explanation, kind: str, row: int, klass: int, side: tuple[int, ...] = ()
) -> float | None:
    """Return the probability of a class, where the explanation has it."""
    if kind not in explanation.details:
        return None
    return float(explanation.details[kind][(row, *side, klass)])


def _change(what_if: _WhatIf, seen: Tensor, before: float | None) -> tuple[float, float]:
    moved = float((what_if.pixels - seen).abs().mean())
    if before is None or what_if.confidence is None:
        return 0.0, moved
    return abs(what_if.confidence - before), moved


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
