"""The four concepts of a drawn digit, and the ranges in which they can be drawn."""

from __future__ import annotations

from typing import Literal, get_args

Concept = Literal["thickness", "slant", "width", "intensity"]

CONCEPTS: tuple[Concept, ...] = get_args(Concept)
"""All concepts, in the order of columns."""

PAGE = 32
"""The page's side in page units, the unit of thickness and width: pixels for images of 32 x 32."""

RANGES: dict[Concept, tuple[float, float]] = {
    "thickness": (0.5, 16.0),
    "slant": (-60.0, 60.0),
    "width": (1.0, 32.0),
    "intensity": (1.0, 255.0),
}
"""The ranges that can be drawn, in page units, degrees, page units and grey levels."""
