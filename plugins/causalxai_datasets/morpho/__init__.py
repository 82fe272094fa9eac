"""Digits drawn anew under causal relations that are known, and the means to measure them."""

from causalxai_datasets.morpho.measuring import (
    measure,
    measure_intensity,
    measure_slant,
    measure_thickness,
    measure_width,
)
from causalxai_datasets.morpho.source import Morpho

__all__ = [
    "Morpho",
    "measure",
    "measure_intensity",
    "measure_slant",
    "measure_thickness",
    "measure_width",
]
