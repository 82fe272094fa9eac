"""Drawn scenes with one object, whose classes follow a rule."""

from causalxai_datasets.shapes.renderer import SceneRenderer, Scenes
from causalxai_datasets.shapes.scene import NUMBERS, PROPERTIES, Property, draw_scene, object_mask
from causalxai_datasets.shapes.source import Shapes

__all__ = [
    "NUMBERS",
    "PROPERTIES",
    "Property",
    "SceneRenderer",
    "Scenes",
    "Shapes",
    "draw_scene",
    "object_mask",
]
