"""Capabilities: what parts of a run may need, and what its other parts offer."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar, cast

from causalxai.errors import CapabilityError

Part = TypeVar("Part")


class Capability(StrEnum):
    """Something that a run has, or that its data set or its oracle can provide."""

    OBSERVATIONS = "observations"
    """The data set comes with measured concepts."""
    REFERENCE = "reference"
    """The data set has images whose concepts are independent of one another."""
    RENDERER = "renderer"
    """The data set can draw its individuals anew, with other concepts."""
    CONCEPTS = "concepts"
    """There is a concept space."""
    ORACLE = "oracle"
    """There is an oracle."""
    READBACK = "readback"
    """The oracle measures the concepts after an intervention."""
    IMAGES = "images"
    """The oracle renders an image after an intervention."""
    GRAPH = "graph"
    """There is a causal graph."""

    @property
    def meaning(self) -> str:
        """The words for a message that says that the capability is missing."""
        return _MEANING[self]


_MEANING = {
    Capability.OBSERVATIONS: "observations (labels of the concepts, in the data set)",
    Capability.REFERENCE: "reference images (whose concepts are independent, in the data set)",
    Capability.RENDERER: "a renderer (which draws individuals anew, in the data set)",
    Capability.CONCEPTS: "a concept space ('concepts')",
    Capability.ORACLE: "an oracle ('oracle')",
    Capability.READBACK: "an oracle that reads concepts back ('readback')",
    Capability.IMAGES: "an oracle that renders images ('images')",
    Capability.GRAPH: "a causal graph ('graph')",
}


OFFERED_BY_DATA = frozenset({Capability.OBSERVATIONS, Capability.REFERENCE, Capability.RENDERER})
"""The capabilities that a data set may offer; all others come from other stages of a run."""


def require(needed: frozenset[Capability], offered: frozenset[Capability], who: str) -> None:
    """Raise CapabilityError, naming what is missing, unless all needs of ``who`` are offered."""
    missing = [Capability(name).meaning for name in sorted(needed - offered)]
    if missing:
        has = ", ".join(sorted(offered)) or "no capability"
        raise CapabilityError(f"{who} needs {', '.join(missing)}; this run has {has}")


def needed(part: Part | None, capability: Capability) -> Part:
    """Return a part of a run; CapabilityError, naming the part, if the run has none."""
    if part is None:
        raise CapabilityError(f"{capability.meaning} is needed here, but this run has none")
    return part


def expect(part: object, kind: Callable[..., Part], who: str) -> Part:
    """Return ``part`` if it is an instance of ``kind``, the only class that ``who`` can use.

    Parameters
    ----------
    part
        A part of the run.
    kind
        A class. It is annotated as a callable because mypy rejects abstract classes as ``type``.
    who
        The name of the part that needs it, for the message.

    Raises
    ------
    CapabilityError
        If the part is of another class.
    """
    wanted = cast("type[Part]", kind)
    if isinstance(part, wanted):
        return part
    raise CapabilityError(f"{who} works with {wanted.__name__}, not with {type(part).__name__}")
