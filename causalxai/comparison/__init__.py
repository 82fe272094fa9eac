"""Many runs side by side: a grid of specs, one tidy table, intervals, controls and costs."""

from causalxai.comparison.comparison import Comparison
from causalxai.comparison.runner import compare

__all__ = ["Comparison", "compare"]
