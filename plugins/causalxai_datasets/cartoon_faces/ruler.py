"""Reading the attributes of a known face off any picture of it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from causalxai_datasets.cartoon_faces.appearance import Appearance
from causalxai_datasets.cartoon_faces.attributes import ATTRIBUTES, Attribute, Traits
from causalxai_datasets.cartoon_faces.rendering import draw_face

_SINGLE = np.eye(len(ATTRIBUTES), dtype=bool)
"""Changes of one attribute, a row each."""

MOUTH: tuple[Attribute, ...] = ("moustache", "smiling", "lipstick", "open mouth")
"""The attributes that are seen around the mouth, which a mask hides in most faces."""

_JOINT = np.array(
    [
        [name in some for name in ATTRIBUTES]
        for size in range(2, len(MOUTH) + 1)
        for some in combinations(MOUTH, size)
    ]
)
"""Changes of several of them at once."""


def nearest_attributes(
    picture: NDArray[np.float32], looks: NDArray[np.float64], start: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the attributes with which the drawing of a face is nearest to a picture.

    The search goes downhill: from the attributes that the face has, it changes the one that
    brings the drawing nearest, until none brings it nearer. An attribute that a mask hides is read
    as the face has it.

    Parameters
    ----------
    picture
        ``[3, size, size]`` in [0, 1].
    looks
        ``[NUMBERS]``, everything about the face that is not an attribute.
    start
        ``[11]``, the attributes that the face has.

    Returns
    -------
    ndarray
        ``[11]``, in the order of ``ATTRIBUTES``.
    """
    appearance, wanted = Appearance.of(looks), 255 * picture.astype(np.float64)

    def distance(attributes: NDArray[np.bool_]) -> float:
        drawn = draw_face(Traits(*attributes.tolist()), appearance, picture.shape[-1])
        return float(np.square(drawn - wanted).sum())

    best, shortest = start, distance(start)
    while shortest > 0:
        # Joint changes are tried only where no single one helps, because drawing takes long.
        for changes in (_SINGLE, _JOINT):
            others = best ^ changes
            distances = [distance(other) for other in others]
            nearest = int(np.argmin(distances))
            if distances[nearest] < shortest:
                best, shortest = others[nearest], distances[nearest]
                break
        else:
            return best
    return best
