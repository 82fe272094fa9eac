"""A comparison's scores as a table for the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from causalxai.comparison.comparison import Comparison
from causalxai.comparison.score_grid import score_grid


def score_table(comparison: Comparison) -> Table:
    """Return the pooled scores: the axes' labels down, metrics across."""
    grid = score_grid(comparison)
    table = Table(*grid.axes, *grid.metrics, "seconds", box=None)
    for line in grid.lines:
        scores = [f"{score.value} {score.interval}".strip() or "none" for score in line.scores]
        table.add_row(*map(Text, [*line.labels, *scores, line.seconds]))
    return table
