"""How long work reports how far it is."""

from causalxai.progress.reporting import SILENT, Advance, LogProgress, Progress

__all__ = ["SILENT", "Advance", "LogProgress", "Progress"]
