"""Metrics that any explanation can be scored with."""

__version__ = "0.3.0"
