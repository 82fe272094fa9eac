from __future__ import annotations

import numpy as np

from causalxai_datasets.cartoon_faces import ATTRIBUTES, draw_faces, draw_looks
from causalxai_datasets.cartoon_faces.ruler import nearest_attributes


def test_attributes_are_read_off_a_drawing_of_the_same_face() -> None:
    rng = np.random.default_rng(0)
    looks = draw_looks(4, rng)
    start, wanted = (rng.random((4, len(ATTRIBUTES))) < 0.5 for _ in range(2))
    pictures = draw_faces(wanted, looks, 32).numpy()
    found = [nearest_attributes(*row) for row in zip(pictures, looks, start, strict=True)]
    assert (np.stack(found) == wanted).all()


def test_what_a_mask_hides_is_read_as_the_face_has_it() -> None:
    looks = draw_looks(1, np.random.default_rng(0), masked=1.0)
    start = np.zeros((1, len(ATTRIBUTES)), dtype=bool)
    hidden = start.copy()
    hidden[0, ATTRIBUTES.index("lipstick")] = True
    picture = draw_faces(hidden, looks, 32).numpy()[0]
    assert (nearest_attributes(picture, looks[0], start[0]) == start[0]).all()
