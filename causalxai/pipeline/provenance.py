"""What made a run's results."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from causalxai.pipeline.stages import Pipeline
from causalxai.plugin.registry import Provenance


def provenance_of(pipeline: Pipeline) -> dict[str, Any]:
    """Return what made the results: versions, plugins, seed and keys; nothing of the machine."""
    libraries = ("torch", "numpy", "networkx", "captum", "scikit-image", "scikit-learn", "scipy")

    def describe(plugin: Provenance) -> dict[str, str]:
        return {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "object": plugin.target,
        }

    return {
        "causalxai": version("causalxai"),
        "libraries": {name: version(name) for name in libraries},
        "plugins": {stage: describe(part.provenance) for stage, part in pipeline.plugins.items()},
        "seed": pipeline.spec.seed,
        "device": pipeline.device.type,
        "keys": pipeline.keys,
    }
