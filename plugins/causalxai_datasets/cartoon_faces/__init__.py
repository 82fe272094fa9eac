"""Faces drawn by us, whose attributes cause one another under relations that are known."""

from causalxai_datasets.cartoon_faces.appearance import NUMBERS, Look, draw_looks
from causalxai_datasets.cartoon_faces.attribute_tables import (
    FAIR,
    MECHANISMS,
    Mechanism,
    Mechanisms,
)
from causalxai_datasets.cartoon_faces.attributes import ATTRIBUTES, Attribute, Traits
from causalxai_datasets.cartoon_faces.rendering import draw_face, draw_faces
from causalxai_datasets.cartoon_faces.source import Bias, CartoonFaces

__all__ = [
    "ATTRIBUTES",
    "FAIR",
    "MECHANISMS",
    "NUMBERS",
    "Attribute",
    "Bias",
    "CartoonFaces",
    "Look",
    "Mechanism",
    "Mechanisms",
    "Traits",
    "draw_face",
    "draw_faces",
    "draw_looks",
]
