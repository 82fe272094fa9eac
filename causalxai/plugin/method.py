"""Method presets: one name for the settings of all stages of a published method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from causalxai.short_repr import short_repr


@dataclass(frozen=True)
class Method:
    """A partial spec; the settings that a user writes for a stage override it key by key.

    Parameters
    ----------
    concepts, oracle, graph, explain
        The stages' settings, with the plugin's name under ``use``; ``None`` for a stage that the
        method does not have.
    metrics
        The metrics that are computed if the spec names none.
    reference
        The paper that describes the method.
    """

    concepts: Mapping[str, Any] | None = None
    oracle: Mapping[str, Any] | None = None
    graph: Mapping[str, Any] | None = None
    explain: Mapping[str, Any] | None = None
    metrics: Sequence[str | Mapping[str, Any]] = field(default=())
    reference: str = ""

    __repr__ = short_repr

    def stages(self) -> dict[str, Mapping[str, Any]]:
        """Return the settings of the method's stages by the name of the stage."""
        settings = {
            "concepts": self.concepts,
            "oracle": self.oracle,
            "graph": self.graph,
            "explain": self.explain,
        }
        return {stage: given for stage, given in settings.items() if given is not None}
