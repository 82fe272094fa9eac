"""From a spec to a run directory: stages that are computed once and kept by their content."""

from causalxai.pipeline.execution import Run, run

__all__ = ["Run", "run"]
