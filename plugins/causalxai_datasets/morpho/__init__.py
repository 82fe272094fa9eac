"""Digits that are redrawn under known causal relations, and the measurement of their concepts."""

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
