"""Drawn cartoon faces, whose attributes have known causal relations."""

from causalxai_datasets.cartoon_faces.appearance import NUMBERS, Appearance, draw_looks
from causalxai_datasets.cartoon_faces.attribute_tables import (
    ATTRIBUTE_MODEL,
    FAIR,
    AttributeModel,
    AttributeOdds,
)
from causalxai_datasets.cartoon_faces.attributes import ATTRIBUTES, Attribute, Traits
from causalxai_datasets.cartoon_faces.rendering import draw_face, draw_faces
from causalxai_datasets.cartoon_faces.source import Bias, CartoonFaces

__all__ = [
    "ATTRIBUTES",
    "ATTRIBUTE_MODEL",
    "FAIR",
    "NUMBERS",
    "Appearance",
    "Attribute",
    "AttributeModel",
    "AttributeOdds",
    "Bias",
    "CartoonFaces",
    "Traits",
    "draw_face",
    "draw_faces",
    "draw_looks",
]
