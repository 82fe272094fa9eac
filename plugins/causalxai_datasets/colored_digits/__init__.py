"""Handwritten digits in colours that depend on the label."""

from causalxai_datasets.colored_digits.renderer import (
    BRIGHTNESS,
    CONCEPTS,
    HUES,
    ColoredDigitRenderer,
    coloured,
)
from causalxai_datasets.colored_digits.source import ColoredDigits

__all__ = [
    "BRIGHTNESS",
    "CONCEPTS",
    "HUES",
    "ColoredDigitRenderer",
    "ColoredDigits",
    "coloured",
]
