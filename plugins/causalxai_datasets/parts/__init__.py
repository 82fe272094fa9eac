"""Drawn birds, whose parts can be removed and exchanged."""

from causalxai_datasets.parts.bird import PARTS, REMOVED, VARIANTS
from causalxai_datasets.parts.landscape import NUMBERS, Look
from causalxai_datasets.parts.pictures import draw_picture, part_masks, places_in
from causalxai_datasets.parts.renderer import BirdRenderer, Birds
from causalxai_datasets.parts.source import CLASSES, Parts

__all__ = [
    "CLASSES",
    "NUMBERS",
    "PARTS",
    "REMOVED",
    "VARIANTS",
    "BirdRenderer",
    "Birds",
    "Look",
    "Parts",
    "draw_picture",
    "part_masks",
    "places_in",
]
