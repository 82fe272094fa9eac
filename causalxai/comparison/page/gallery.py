"""The same images through every method: attribution maps, and pairs of pictures.

An explanation that paints what-ifs, by the details that ``Explanation`` names, is shown by the one
that changes the confidence in the class most, or else the picture. All other explanations are shown
by their first map.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from causalxai.comparison.page.saved_results import SavedResult
from causalxai.dataset import some_of_each_class
from causalxai.explainer import Explanation
from causalxai.report.pictures import Thumbnail, map_thumbnail, thumbnail

_MOST_IMAGES = 3
MINUS = "\N{MINUS SIGN}"
_PICTURED, _PERCEIVED, _PICTURE = "pictured", "perceived", " picture"

_STRANGE = (KeyError, IndexError, ValueError, TypeError, RuntimeError)
"""What a stranger's details can cause: the page must not be lost with them."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Strip:
    """One method's column: its tiles for each image, and what they show."""

    label: str
    control: bool
    shows: str
    tiles: tuple[tuple[Thumbnail, ...], ...]

    @property
    def width(self) -> int:
        """How many tiles stand side by side."""
        return max(map(len, self.tiles))


@dataclass(frozen=True)
class Gallery:
    """The images, and each method's strip.

    Parameters
    ----------
    images
        Those that are shown.
    strips
        The methods', in their order.
    others
        Who explained other images.
    refused
        Whose pictures cannot be shown, and why.
    """

    images: tuple[Thumbnail, ...]
    strips: tuple[Strip, ...]
    others: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Explained:
    """The explanation that a run left, and what the run is called."""

    label: str
    control: bool
    explanation: Explanation


@dataclass(frozen=True)
class _WhatIf:
    """A picture of an image as it could be."""

    change: str
    pixels: Tensor
    confidence: float | None


def gallery(shown: Sequence[SavedResult]) -> Gallery | None:
    """Return the pictures for the page, or nothing where no method left any."""
    explained = [
        _Explained(one.label, one.control, one.explanation)
        for one in shown
        if one.explanation is not None
    ]
    drawable = [one for one in explained if _paints(one.explanation) or one.explanation.maps]
    if not drawable:
        return None
    images = drawable[0].explanation.images
    alike = [one for one in drawable if torch.equal(one.explanation.images, images)]
    refusals = {one.label: _refusal(one.explanation) for one in alike}
    sound = [one for one in alike if refusals[one.label] is None]
    rows = sorted(some_of_each_class(alike[0].explanation.target, _MOST_IMAGES, _common(sound)))
    strips = []
    for one in sound:
        try:
            strips.append(_strip(one, rows))
        except _STRANGE as error:
            _logger.debug("%s cannot be drawn", one.label, exc_info=error)
            refusals[one.label] = f"{type(error).__name__}: {error}"
    refused = tuple(f"{label}: {why}" for label, why in refusals.items() if why is not None)
    for refusal in refused:
        _logger.warning("%s (its pictures are not shown)", refusal)
    tiles = tuple(Thumbnail(thumbnail(images[row]), f"image {row}") for row in rows)
    others = tuple(one.label for one in drawable if one not in alike)
    return Gallery(tiles, tuple(strips), others, refused)


def _paints(explanation: Explanation) -> bool:
    details = explanation.details
    return bool(len(details.get(_PICTURED, ()))) and f"{_PERCEIVED}{_PICTURE}" in details


def _refusal(explanation: Explanation) -> str | None:
    """Say what is wrong where details are called as pictures are, and are of other shapes."""
    if not _paints(explanation):
        return None
    details, meta = explanation.details, explanation.meta
    pictured, n = details[_PICTURED], len(explanation)
    if pictured.dim() != 1 or not bool(((pictured >= 0) & (pictured < n)).all()):
        return f"'{_PICTURED}' is [m], which of the {n} images have pictures"
    m, contrasted = len(pictured), meta.get("contrasted")
    size = list(details[f"{_PERCEIVED}{_PICTURE}"].shape[1:])
    wanted = [[m, *size]] if len(size) == 3 else []
    allowed = wanted.copy()
    if isinstance(contrasted, list) and isinstance(meta.get("step"), int | float):
        allowed += [[m, len(contrasted), 2, *size]]
    for name, tensor in details.items():
        fitting = wanted if name == f"{_PERCEIVED}{_PICTURE}" else allowed
        if name.endswith(_PICTURE) and list(tensor.shape) not in fitting:
            return (
                f"{name!r} is {list(tensor.shape)}, and pictures are [{m}, c, h, w], or "
                f"[{m}, k, 2, c, h, w] where meta names the k 'contrasted' concepts and the 'step'"
            )
    return None


def _common(shown: Sequence[_Explained]) -> set[int] | None:
    """Return the images that all methods that paint have painted; ``None`` where none paints."""
    rows: set[int] | None = None
    for one in shown:
        if _paints(one.explanation):
            painted = set(map(int, one.explanation.details[_PICTURED].tolist()))
            rows = painted if rows is None else rows & painted or rows
    return rows


def _strip(result: _Explained, rows: Sequence[int]) -> Strip:
    explanation = result.explanation
    if _paints(explanation):
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
    """Yield an image as it is painted, and as it could be; neither where it is not painted."""
    details, klass = explanation.details, int(explanation.target[row])
    found = (details[_PICTURED] == row).nonzero().flatten().tolist()
    if not found:
        return
    seen = details[f"{_PERCEIVED}{_PICTURE}"][found[0]]
    before = _confidence(explanation, _PERCEIVED, row, klass)
    yield Thumbnail(thumbnail(seen), "as painted", "painted", _percent(before))
    what_ifs = list(_what_ifs(explanation, row, found[0], klass))
    if what_ifs:
        largest = max(what_ifs, key=lambda one: _change(one, seen, before))
        confidence = _percent(largest.confidence)
        yield Thumbnail(
            thumbnail(largest.pixels), f"what if: {largest.change}", largest.change, confidence
        )


def _what_ifs(explanation: Explanation, row: int, place: int, klass: int) -> Iterator[_WhatIf]:
    for name, tensor in explanation.details.items():
        kind = name.removesuffix(_PICTURE)
        if kind in (name, _PERCEIVED):
            continue
        pixels = tensor[place]
        sides = [()] if pixels.dim() == explanation.images[0].dim() else _sides(pixels)
        for side in sides:
            change = _in_words(explanation, side) if side else kind
            yield _WhatIf(change, pixels[side], _confidence(explanation, kind, row, klass, side))


def _sides(pixels: Tensor) -> list[tuple[int, ...]]:
    return [(concept, side) for concept in range(pixels.shape[0]) for side in (0, 1)]


def _in_words(explanation: Explanation, side: tuple[int, ...]) -> str:
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
    known = explanation.details.get(kind)
    at = (row, *side, klass)
    if known is None or known.dim() != len(at):
        return None
    within = all(place < size for place, size in zip(at, known.shape, strict=True))
    return float(known[at]) if within else None


def _change(what_if: _WhatIf, seen: Tensor, before: float | None) -> tuple[float, float]:
    moved = float((what_if.pixels - seen).abs().mean())
    if before is None or what_if.confidence is None:
        return 0.0, moved
    return abs(what_if.confidence - before), moved


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
