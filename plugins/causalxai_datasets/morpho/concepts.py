"""The four concepts of a drawn digit, and the ranges in which they can be drawn."""

from __future__ import annotations

from typing import Literal, get_args

Concept = Literal["thickness", "slant", "width", "intensity"]

CONCEPTS: tuple[Concept, ...] = get_args(Concept)
"""All concepts, in the order of columns wherever several stand side by side."""

PAGE = 32
"""Thickness and width count in thirty-seconds of the page's side: pixels, where images have 32."""

RANGES: dict[Concept, tuple[float, float]] = {
    "thickness": (0.5, 16.0),
    "slant": (-60.0, 60.0),
    "width": (1.0, 32.0),
    "intensity": (1.0, 255.0),
}
"""What can be drawn: page units, degrees to the right of upright, page units, grey levels."""
