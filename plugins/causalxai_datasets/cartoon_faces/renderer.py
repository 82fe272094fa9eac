"""The renderer of cartoon faces: the same face with other attributes, and their measurement."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.concept import BooleanConcept
from causalxai.renderer import Mechanism, StructuralRenderer
from causalxai_datasets.cartoon_faces.appearance import Appearance
from causalxai_datasets.cartoon_faces.attribute_tables import AttributeModel
from causalxai_datasets.cartoon_faces.attributes import ATTRIBUTES, Attribute
from causalxai_datasets.cartoon_faces.rendering import draw_faces
from causalxai_datasets.cartoon_faces.ruler import MOUTH, nearest_attributes

_HALF = 0.5
_MOST_KNOWN = 100_000
"""The most drawings of which the attributes are remembered, so that no search is needed."""


@dataclass(frozen=True)
class DrawnFaces:
    """The numbers with which faces were drawn.

    Parameters
    ----------
    noise
        ``[n, 11]``, the noise of the attributes.
    attributes
        ``[n, 11]`` bool, the attributes.
    looks
        ``[n, NUMBERS]``, everything else that can be seen.
    images
        ``[n, 3, size, size]``, the pictures.
    follows
        Whether the attributes follow the model, as those of reference faces do not.
    """

    noise: NDArray[np.float64]
    attributes: NDArray[np.bool_]
    looks: NDArray[np.float64]
    images: Tensor
    follows: bool


class FaceRenderer(StructuralRenderer):
    """Draws a face of the data set with other attributes.

    Attributes follow by the log-odds of the model, with the face's own uniform noise. Those that
    are not concepts follow as well, such as the task. Colours, proportions and pose stay.

    Parameters
    ----------
    attribute_model
        The causal model of the attributes.
    names
        The attributes that are concepts.
    faces
        All faces of the data set, by split.
    """

    def __init__(
        self,
        attribute_model: AttributeModel,
        names: Sequence[Attribute],
        faces: Sequence[DrawnFaces],
    ) -> None:
        self._model = attribute_model
        self._looks = np.concatenate([part.looks for part in faces])
        self._noise = np.concatenate([part.noise for part in faces])
        self._attributes = np.concatenate([part.attributes for part in faces])
        self._size = int(faces[0].images.shape[-1])
        self._known: dict[tuple[int, bytes], NDArray[np.bool_]] = {}
        super().__init__(
            concepts=[BooleanConcept(name) for name in names],
            columns=[ATTRIBUTES.index(name) for name in names],
            pictures=[part.images for part in faces],
            own=torch.from_numpy(self._attributes.astype(np.float64)),
            mechanisms=[self._mechanism(name) for name in attribute_model.order],
            follows=torch.tensor([part.follows for part in faces for _ in part.looks]),
        )

    @property
    def errors(self) -> tuple[float, ...]:
        """Zero, as attributes are read exactly; with masks, 1 for those around the mouth.

        What a mask hides is read as the face has it.
        """
        masks = bool((self._looks[:, -1] == 1).any())
        return tuple(float(masks and concept.name in MOUTH) for concept in self.concepts)

    def _mechanism(self, name: Attribute) -> Mechanism:
        causes = tuple(ATTRIBUTES.index(cause) for cause in self._model.table[name].effects)
        # A method with an argument can be pickled, which a function within this one cannot.
        return Mechanism(ATTRIBUTES.index(name), causes, partial(self._follow, name))

    def _follow(self, name: Attribute, individuals: Tensor, values: Tensor) -> Tensor:
        noise = self._noise[individuals.numpy(), ATTRIBUTES.index(name)]
        has = self._model.attribute(name, values.numpy() > _HALF, noise)
        return torch.from_numpy(has.astype(np.float64))

    def _drawable(self, values: Tensor) -> Tensor:
        return (values > _HALF).to(values)

    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        attributes, rows = values.numpy() > _HALF, individuals.numpy()
        images = draw_faces(attributes, self._looks[rows], self._size)
        if len(self._known) + len(images) > _MOST_KNOWN:
            self._known.clear()
        for row, image, has in zip(rows.tolist(), images, attributes, strict=True):
            # Under a mask, several attributes give the same picture.
            if not Appearance.of(self._looks[row]).masked:
                self._known[row, _digest(image)] = has
        return images

    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        found = [
            self._attributes_on(image, row)
            for image, row in zip(images, individuals.tolist(), strict=True)
        ]
        return torch.from_numpy(np.stack(found)[:, self._columns].astype(np.float32))

    def _attributes_on(self, image: Tensor, individual: int) -> NDArray[np.bool_]:
        known = self._known.get((individual, _digest(image)))
        if known is not None:
            return known
        return nearest_attributes(
            image.numpy(), self._looks[individual], self._attributes[individual]
        )


def _digest(image: Tensor) -> bytes:
    return hashlib.blake2b(image.contiguous().numpy().tobytes(), digest_size=16).digest()
