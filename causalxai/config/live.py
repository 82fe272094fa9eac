"""Live objects: parts of a spec that a caller gives in Python, in the place of a plugin's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from causalxai.config.resolved_plugin import LIVE, ResolvedPlugin
from causalxai.plugin.provenance import Group

_WITH_LIVE_PARTS = frozenset({"causalxai", "torch"})


@dataclass(frozen=True, eq=False)
class Live:
    """An object in a spec. It is shared and never copied, however large it is.

    Parameters
    ----------
    value
        The object.
    resolved
        What was found out about it, by group, so that each digest is taken once.
    """

    value: object
    resolved: dict[Group, ResolvedPlugin[Any]] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __repr__(self) -> str:
        return f"a {type(self.value).__name__} in Python"

    def to_data(self) -> dict[str, Any]:
        """Return what a file can hold of it."""
        for part in self.resolved.values():
            return part.to_data()
        return {"use": LIVE}


def held(value: Any) -> Any:
    """Return an object of causalxai or torch as a live one, and anything else unchanged."""
    if isinstance(value, str | Live):
        return value
    packages = {base.__module__.partition(".")[0] for base in type(value).__mro__}
    return Live(value) if packages & _WITH_LIVE_PARTS else value


def missing_objects(data: Mapping[str, Any]) -> str:
    """Return which parts of a written spec were objects, in a sentence; empty if none was."""
    metrics = data.get("metrics")
    choices = {**data, "metrics": metrics if isinstance(metrics, list) else []}
    missing = [key for key, choice in choices.items() if _was_live(choice)]
    if any(map(_was_live, choices["metrics"])):
        missing.append("metrics")
    if not missing:
        return ""
    return (
        f"{' and '.join(missing)} of this run were objects in Python, which the file does not "
        "hold: give them to causalxai.load together with the run's folder, or to causalxai.explain"
    )


def _was_live(choice: Any) -> bool:
    return isinstance(choice, dict) and choice.get("use") == LIVE
