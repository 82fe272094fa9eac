"""Comparisons: the runs of a grid, and one table of their scores with intervals and costs."""

from causalxai.comparison.execution import compare
from causalxai.comparison.result import Comparison

__all__ = ["Comparison", "compare"]
