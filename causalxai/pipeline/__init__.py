"""Runs a spec: computes its stages, reuses stored results, and writes the run's directory."""

from causalxai.pipeline.execution import Run, run
from causalxai.pipeline.explaining import explain
from causalxai.pipeline.loading import load

__all__ = ["Run", "explain", "load", "run"]
