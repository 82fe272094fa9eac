"""Many runs side by side: a grid of specs, one tidy table, intervals, controls and costs."""

from causalxai.comparison.execution import compare
from causalxai.comparison.result import Comparison

__all__ = ["Comparison", "compare"]
