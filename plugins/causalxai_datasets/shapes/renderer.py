"""The renderer of scenes: the same scene with another object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.concept import BooleanConcept
from causalxai.progress import SILENT, Progress
from causalxai.renderer import StructuralRenderer
from causalxai_datasets.drawing_many import draw_many
from causalxai_datasets.shapes.scene import PROPERTIES, draw_scene, object_mask

# To be increased when the pictures change, so that cached pictures are not used.
_VERSION = 1
_HALF = 0.5
_EVERY_OBJECT = np.array(list(product((False, True), repeat=len(PROPERTIES))))


@dataclass(frozen=True)
class Scenes:
    """The numbers with which scenes are drawn.

    Parameters
    ----------
    looks
        ``[n, NUMBERS]``, which describe everything but the object's properties.
    size
        Height and width of pictures in pixels.
    """

    looks: NDArray[np.float64]
    size: int

    def __getitem__(self, rows: NDArray[np.int64]) -> Scenes:
        return Scenes(self.looks[rows], self.size)

    def draw(self, properties: NDArray[np.bool_], progress: Progress = SILENT) -> Tensor:
        """Return pictures ``[n, 3, size, size]`` of scenes with objects ``[n, 4]``."""
        return draw_many(
            "scenes", _VERSION, draw_scene, [properties, self.looks], self.size, progress
        )


class SceneRenderer(StructuralRenderer):
    """Draws a scene of the data set with an object of other shape, size, colour or pattern.

    The four properties are boolean concepts, and nothing follows from any of them. The ruler
    compares a picture with those of all sixteen objects in the same scene, and takes the properties
    of the nearest.

    Parameters
    ----------
    scenes
        All scenes of the data set.
    properties
        ``[n, 4]``, what the object is.
    pictures
        Their pictures, by split.
    """

    def __init__(
        self, scenes: Scenes, properties: NDArray[np.bool_], pictures: Sequence[Tensor]
    ) -> None:
        self._scenes = scenes
        super().__init__(
            concepts=[BooleanConcept(name) for name in PROPERTIES],
            columns=range(len(PROPERTIES)),
            pictures=pictures,
            own=torch.from_numpy(properties),
        )

    @property
    def errors(self) -> tuple[float, ...]:
        """0: an object has a property or not."""
        return (0.0,) * len(PROPERTIES)

    @property
    def mask_names(self) -> tuple[str, ...]:
        """The object."""
        return ("object",)

    def _drawable(self, values: Tensor) -> Tensor:
        return (values > _HALF).to(values.dtype)

    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        return self._scenes[individuals.numpy()].draw(values.numpy() > _HALF)

    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        numbers, rows = individuals.unique(return_inverse=True)
        nearest = torch.empty(len(images), dtype=torch.int64)
        for place, number in enumerate(numbers.tolist()):
            shown = (rows == place).nonzero()[:, 0]
            scene = self._scenes[np.full(len(_EVERY_OBJECT), number)]
            drawn = scene.draw(_EVERY_OBJECT).flatten(1)
            nearest[shown] = torch.cdist(images[shown].flatten(1), drawn).argmin(dim=1)
        return torch.from_numpy(_EVERY_OBJECT)[nearest]

    def _masks(self, individuals: Tensor, values: Tensor) -> Mapping[str, Tensor]:
        scenes = self._scenes[individuals.numpy()]
        masks = [
            object_mask(properties, look, scenes.size)
            for properties, look in zip(values.numpy() > _HALF, scenes.looks, strict=True)
        ]
        return {"object": torch.from_numpy(np.stack(masks))}
