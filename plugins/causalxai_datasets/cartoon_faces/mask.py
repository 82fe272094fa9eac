"""A mask that hides mouth and chin."""

from __future__ import annotations

import numpy as np

from causalxai_datasets.cartoon_faces.appearance import Appearance
from causalxai_datasets.cartoon_faces.attributes import Traits
from causalxai_datasets.cartoon_faces.head import half_width
from causalxai_datasets.drawing_page import Colour, DrawingPage

_CLOTH: Colour = (196, 224, 236)
_FOLD: Colour = (150, 186, 204)
_DOWN = np.linspace(0.2, 0.7, 12)


def draw_mask(page: DrawingPage, traits: Traits, appearance: Appearance) -> None:
    """Draw the cloth, its folds and its bands."""
    wide = half_width(traits, appearance, _DOWN) * 1.03
    right = np.stack([wide, _DOWN], axis=1)
    left = np.stack([-wide, _DOWN], axis=1)[::-1]
    top = np.array([[-0.5 * wide[0], 0.12], [appearance.gaze, 0.08], [0.5 * wide[0], 0.12]])
    page.area(np.concatenate([top, right, left]), _CLOTH)
    for height in (0.3, 0.42, 0.54):
        across = float(np.interp(height, _DOWN, wide)) * 0.8
        page.line([(-across, height), (0, height + 0.02), (across, height)], 0.018, _FOLD)
