"""Progress reports of long computations."""

from causalxai.progress.reporting import SILENT, Advance, LogProgress, Progress

__all__ = ["SILENT", "Advance", "LogProgress", "Progress"]
