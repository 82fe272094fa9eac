"""The eleven attributes of a cartoon face."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Attribute = Literal[
    "straight hair",
    "wavy hair",
    "young",
    "moustache",
    "beard",
    "high cheekbones",
    "heavy make-up",
    "smiling",
    "lipstick",
    "open mouth",
    "male",
]

ATTRIBUTES: tuple[Attribute, ...] = get_args(Attribute)
"""All attributes, in the order of columns."""


class Traits(NamedTuple):
    """The attributes of a face, in the order of ``ATTRIBUTES``."""

    straight_hair: bool
    wavy_hair: bool
    young: bool
    moustache: bool
    beard: bool
    high_cheekbones: bool
    heavy_make_up: bool
    smiling: bool
    lipstick: bool
    open_mouth: bool
    male: bool
