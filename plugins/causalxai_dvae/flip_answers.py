"""The predictions, and some pictures, after flips of bits of each explained image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from causalxai.explainer import Explanation
from causalxai.intervention import Action
from causalxai.what_if import Change, WhatIf

ALL_FLIPPED, MINIMAL_FLIPPED = "all bits flipped", "minimal set flipped"


@dataclass(frozen=True)
class FlipAnswers:
    """The predictions from the codes of ``n`` images, unchanged and flipped.

    Parameters
    ----------
    perceived, all_flipped, minimal_flipped
        ``[n, K]``, the logits with the unchanged code, with all bits flipped, and with the minimal
        set flipped. For an image without a minimal set, the last are those of the unchanged code.
    each_flipped
        ``[n, b, K]``, the logits with one bit flipped.
    pictured
        ``[m]`` int64, the images of which pictures are kept.
    pictures
        ``[3, m, c, h, w]``: as perceived, with all bits and with the minimal set flipped.
    """

    perceived: Tensor
    all_flipped: Tensor
    minimal_flipped: Tensor
    each_flipped: Tensor
    pictured: Tensor
    pictures: Tensor

    @classmethod
    def of(cls, explanation: Explanation) -> Self:
        """Return the answers of an explanation that ``FlipExplainer`` made."""
        by_image: list[list[WhatIf]] = [[] for _ in range(len(explanation))]
        for what_if in explanation.what_ifs:
            by_image[what_if.row].append(what_if)
        whole = [_whole(found) for found in by_image]
        pictured = [row for row, (as_it_is, *_) in enumerate(whole) if as_it_is.image is not None]
        pictures = [
            torch.stack([one.image for one in whole[row] if one.image is not None])
            for row in pictured
        ]
        perceived, all_flipped, minimal = (
            torch.stack([one.logits for one in kind]) for kind in zip(*whole, strict=True)
        )
        each = [
            torch.stack([one.logits for one in found if one.changes and not one.name])
            for found in by_image
        ]
        none = torch.zeros(0, len(whole[0]), *explanation.images.shape[1:])
        return cls(
            perceived,
            all_flipped,
            minimal,
            torch.stack(each),
            torch.tensor(pictured, dtype=torch.int64),
            (torch.stack(pictures) if pictures else none).transpose(0, 1),
        )

    def what_ifs(self, names: Sequence[str], minimal: Tensor) -> tuple[WhatIf, ...]:
        """Return the answers as what-ifs, image by image.

        Parameters
        ----------
        names
            Of the ``b`` bits.
        minimal
            ``[n, b]``, bool, the minimal sets; an empty one is no what-if.
        """
        flips = tuple(Change(name, Action.FLIP, 0.0, f"{name} flipped") for name in names)
        sets = minimal.cpu().tolist()
        return tuple(
            what_if for row in range(len(sets)) for what_if in self._of_image(row, flips, sets[row])
        )

    def _of_image(
        self, row: int, flips: tuple[Change, ...], minimal: Sequence[bool]
    ) -> Iterator[WhatIf]:
        place = {image: number for number, image in enumerate(self.pictured.tolist())}.get(row)
        images: list[Tensor | None] = [None] * 3
        if place is not None:
            images = list(self.pictures[:, place].cpu())
        yield WhatIf(row, (), self.perceived[row].cpu(), images[0])
        yield WhatIf(row, flips, self.all_flipped[row].cpu(), images[1], ALL_FLIPPED)
        few = tuple(flip for flip, chosen in zip(flips, minimal, strict=True) if chosen)
        if few:
            yield WhatIf(row, few, self.minimal_flipped[row].cpu(), images[2], MINIMAL_FLIPPED)
        for flip, logits in zip(flips, self.each_flipped[row].cpu(), strict=True):
            yield WhatIf(row, (flip,), logits)


def _whole(found: Sequence[WhatIf]) -> tuple[WhatIf, WhatIf, WhatIf]:
    """Return an image's what-ifs: as perceived, with all bits and with the minimal set flipped."""
    named = {one.name: one for one in found if one.name}
    (perceived,) = (one for one in found if not one.changes)
    return perceived, named[ALL_FLIPPED], named.get(MINIMAL_FLIPPED, perceived)
