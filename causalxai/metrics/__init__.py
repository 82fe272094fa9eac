"""Metrics that any explanation can be scored with."""
