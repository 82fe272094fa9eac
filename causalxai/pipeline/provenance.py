"""The provenance of a run's results: versions, plugins, seed and keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from causalxai.pipeline.stages import Pipeline
from causalxai.plugin.provenance import Provenance

_CORE = "causalxai"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def provenance_of(pipeline: Pipeline) -> dict[str, Any]:
    """Return the versions, plugins, seed and keys of a run; nothing that identifies the machine."""
    plugins = {stage: part.provenance for stage, part in pipeline.plugins.items()}

    def describe(plugin: Provenance) -> dict[str, str]:
        return {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "object": plugin.target,
        }

    return {
        "causalxai": version(_CORE),
        "libraries": library_versions([_CORE, *(one.distribution for one in plugins.values())]),
        "plugins": {stage: describe(plugin) for stage, plugin in plugins.items()},
        "seed": pipeline.spec.seed,
        "device": pipeline.device.type,
        "keys": pipeline.keys,
    }


def library_versions(distributions: Iterable[str]) -> dict[str, str]:
    """Return the installed versions of the requirements of some distributions, by name.

    Requirements of extras are left out, and so are those that are not installed, for example
    because they are for another platform.
    """
    found: dict[str, str] = {}
    for distribution in dict.fromkeys(distributions):
        for requirement in _requirements(distribution):
            name = _NAME.match(requirement)
            if name is None or re.search(r";.*\bextra\s*==", requirement):
                continue
            try:
                found[name[0]] = version(name[0])
            except PackageNotFoundError:
                continue
    return dict(sorted(found.items()))


def _requirements(distribution: str) -> list[str]:
    try:
        return requires(distribution) or []
    except PackageNotFoundError:
        # A plugin may be on the path without being installed; its requirements are then unknown.
        return []
