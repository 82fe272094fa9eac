"""The renderer of birds: the same bird with parts removed or exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.concept import BooleanConcept
from causalxai.progress import SILENT, Progress
from causalxai.renderer import StructuralRenderer
from causalxai_datasets.drawing_many import draw_many
from causalxai_datasets.parts.bird import PARTS, REMOVED
from causalxai_datasets.parts.pictures import draw_picture, part_masks, places_in

# To be increased when the pictures change, so that cached pictures are not used.
_VERSION = 1
_HALF = 0.5


@dataclass(frozen=True)
class Birds:
    """The numbers with which birds are drawn.

    Parameters
    ----------
    own
        ``[n, 5]``, the variant of each part that the bird's class has.
    absent
        ``[n, 5]``, what is drawn in its place where it is absent: another variant, or ``REMOVED``.
    looks
        ``[n, NUMBERS]``, which describe everything else.
    size
        Height and width of pictures in pixels.
    """

    own: NDArray[np.int64]
    absent: NDArray[np.int64]
    looks: NDArray[np.float64]
    size: int

    def __getitem__(self, rows: NDArray[np.int64]) -> Birds:
        return Birds(self.own[rows], self.absent[rows], self.looks[rows], self.size)

    def shown(self, present: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the variants that are drawn where the parts ``[n, 5]`` are present or not."""
        return np.where(present, self.own, self.absent)

    def draw(self, present: NDArray[np.bool_], progress: Progress = SILENT) -> Tensor:
        """Return pictures, ``[n, 3, size, size]``."""
        numbers = [self.shown(present), self.looks]
        return draw_many("birds", _VERSION, draw_picture, numbers, self.size, progress)


class BirdRenderer(StructuralRenderer):
    """Draws a bird of the data set with parts that are there or not.

    Each part is a boolean concept. Where it is 0, the part is removed, or exchanged for another
    variant: the same one whenever this bird is drawn. Nothing follows from a part.

    The ruler compares the colours at the places of a part with those of the same bird with and
    without it.

    Parameters
    ----------
    birds
        All birds of the data set.
    present
        ``[n, 5]``, whether they have each part of their class.
    pictures
        Their pictures, by split.
    """

    def __init__(
        self, birds: Birds, present: NDArray[np.bool_], pictures: Sequence[Tensor]
    ) -> None:
        self._birds = birds
        super().__init__(
            concepts=[BooleanConcept(part) for part in PARTS],
            columns=range(len(PARTS)),
            pictures=pictures,
            own=torch.from_numpy(present),
        )

    @property
    def errors(self) -> tuple[float, ...]:
        """0: parts are seen or not."""
        return (0.0,) * len(PARTS)

    @property
    def mask_names(self) -> tuple[str, ...]:
        """The names of the parts."""
        return PARTS

    def _drawable(self, values: Tensor) -> Tensor:
        return (values > _HALF).to(values.dtype)

    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        return self._birds[individuals.numpy()].draw(values.numpy() > _HALF)

    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        numbers, rows = individuals.unique(return_inverse=True)
        birds = self._birds[numbers.numpy()]
        everything = np.ones(birds.own.shape, bool)
        with_parts, without = birds.draw(everything), birds.draw(~everything)
        found = torch.empty(len(images), len(PARTS))
        for bird in range(len(numbers)):
            shown = (rows == bird).nonzero()[:, 0]
            for part in range(len(PARTS)):
                y, x = torch.from_numpy(self._places(birds, bird, part)).T
                seen = images[shown][:, :, y, x]
                far, near = (
                    (seen - drawn[bird][:, y, x]).square().sum(dim=(1, 2))
                    for drawn in (without, with_parts)
                )
                found[shown, part] = (far > near).float()
        return found

    def _places(self, birds: Birds, bird: int, part: int) -> NDArray[np.int64]:
        variants = {int(birds.own[bird, part]), int(birds.absent[bird, part])} - {REMOVED}
        places = [places_in(part, one, birds.looks[bird], birds.size) for one in sorted(variants)]
        return np.concatenate(places)

    def _masks(self, individuals: Tensor, values: Tensor) -> Mapping[str, Tensor]:
        birds = self._birds[individuals.numpy()]
        shown = birds.shown(values.numpy() > _HALF)
        masks = np.stack([
            part_masks(variants, look, birds.size)
            for variants, look in zip(shown, birds.looks, strict=True)
        ])  # fmt: skip
        return {part: torch.from_numpy(masks[:, place]) for place, part in enumerate(PARTS)}
