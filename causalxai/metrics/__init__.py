"""Metrics for the explanations and graphs of any method."""

__version__ = "0.9.0"
