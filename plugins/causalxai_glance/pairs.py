"""Counterfactual pairs: do(one step up) and do(one step down), or do(1) and do(0)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from causalxai.explainer import Explanation
from causalxai.what_if import Change, WhatIf

SIDES = 2
"""The two steps of a pair: up, then down; for boolean concepts do(1), then do(0)."""


@dataclass(frozen=True)
class Pairs:
    """The oracle's answers for ``n`` images, without and with interventions on ``k`` concepts.

    Parameters
    ----------
    perceived
        ``[n, K]``, the logits of the twin's reconstructions.
    intervened
        ``[n, k, 2, K]``, the logits after each intervention.
    pictured
        ``[m]`` int64, the images of which pictures are kept.
    perceived_pictures
        ``[m, c, h, w]``.
    intervened_pictures
        ``[m, k, 2, c, h, w]``.
    """

    perceived: Tensor
    intervened: Tensor
    pictured: Tensor
    perceived_pictures: Tensor
    intervened_pictures: Tensor

    @classmethod
    def of(cls, explanation: Explanation) -> Self:
        """Return the pairs of an explanation that ``GlanceExplainer`` made."""
        n, what_ifs = len(explanation), explanation.what_ifs
        logits = torch.stack([one.logits for one in what_ifs]).unflatten(0, (n, -1))
        images = [one.image for one in what_ifs if one.image is not None]
        size = explanation.images.shape[1:]
        pictures = torch.stack(images) if images else torch.zeros(0, *size)
        # Each image has 1 + 2 k what-ifs: as perceived, then up and down, concept by concept.
        pictures = pictures.unflatten(0, (-1, logits.shape[1])) if images else pictures[:, None]
        pictured = dict.fromkeys(one.row for one in what_ifs if one.image is not None)
        return cls(
            logits[:, 0],
            logits[:, 1:].unflatten(1, (-1, SIDES)),
            torch.tensor(list(pictured), dtype=torch.int64),
            pictures[:, 0],
            pictures[:, 1:].unflatten(1, (-1, SIDES)),
        )

    def what_ifs(self, changes: Sequence[Change]) -> tuple[WhatIf, ...]:
        """Return the answers as what-ifs, image by image, in the order that ``of`` reads.

        Parameters
        ----------
        changes
            The ``2 k`` interventions: up and down, concept by concept.
        """
        found = []
        place = {row: number for number, row in enumerate(self.pictured.tolist())}
        logits = torch.cat([self.perceived[:, None], self.intervened.flatten(1, 2)], dim=1).cpu()
        pictures = torch.cat(
            [self.perceived_pictures[:, None], self.intervened_pictures.flatten(1, 2)], dim=1
        ).cpu()
        done = [(), *((change,) for change in changes)]
        for row, answers in enumerate(logits):
            images: Sequence[Tensor | None] = [None] * len(done)
            if row in place:
                images = list(pictures[place[row]])
            for asked, answer, image in zip(done, answers, images, strict=True):
                found.append(WhatIf(row, asked, answer, image))
        return tuple(found)
