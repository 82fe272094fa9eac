"""Method presets: one name for the stages that make up a published method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Method:
    """A partial spec; what a user writes for a stage overrides it key by key.

    Parameters
    ----------
    concepts, oracle, graph, explain
        The stages' settings, with the plugin's name under ``use``.
    metrics
        The metrics that are computed unless the spec names its own.
    reference
        The paper.
    """

    concepts: Mapping[str, Any]
    oracle: Mapping[str, Any]
    graph: Mapping[str, Any]
    explain: Mapping[str, Any]
    metrics: Sequence[str | Mapping[str, Any]] = field(default=())
    reference: str = ""

    def stages(self) -> dict[str, Mapping[str, Any]]:
        """Return the four stages' settings by the name of the stage."""
        return {
            "concepts": self.concepts,
            "oracle": self.oracle,
            "graph": self.graph,
            "explain": self.explain,
        }
