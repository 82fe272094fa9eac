"""Faces drawn by us, whose attributes cause one another under relations that are known."""

from causalxai_vision.cartoon_faces.attributes import ATTRIBUTES, Attribute, Traits
from causalxai_vision.cartoon_faces.look import NUMBERS, Look, draw_looks
from causalxai_vision.cartoon_faces.mechanisms import FAIR, MECHANISMS, Mechanism, Mechanisms
from causalxai_vision.cartoon_faces.source import Bias, CartoonFaces
from causalxai_vision.cartoon_faces.studio import draw_face, draw_faces

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
