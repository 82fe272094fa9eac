"""What is known of a data set before its images are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causalxai.capabilities import Capability
from causalxai.errors import CapabilityError, did_you_mean
from causalxai.short_repr import short_repr

_NAMED = 20
"""The most classes or concepts that a message names."""


@dataclass(frozen=True)
class Outline:
    """The names and shapes of a data set, by which settings are checked before long work begins.

    Parameters
    ----------
    class_names
        ``K`` names, in the order of the class indices.
    image_shape
        Channels, height and width.
    concept_names
        The names of the measured concepts; empty if there are none.
    offers
        Which of ``Capability.OBSERVATIONS``, ``Capability.REFERENCE`` and ``Capability.RENDERER``
        the data set has.
    """

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    concept_names: tuple[str, ...] = ()
    offers: frozenset[Capability] = frozenset()

    __repr__ = short_repr


def class_index(name: str, class_names: Sequence[str], setting: str) -> int:
    """Return the index of the class whose name a setting contains.

    Raises
    ------
    CapabilityError
        If there is no such class; the message names the setting.
    """
    if name in class_names:
        return class_names.index(name)
    raise _unknown(setting, f"there is no class {name!r}", name, class_names)


def concept_index(name: str, concept_names: Sequence[str], setting: str) -> int:
    """Return the index of the measured concept whose name a setting contains.

    Raises
    ------
    CapabilityError
        If the data set has no such concept; the message names the setting.
    """
    if name in concept_names:
        return concept_names.index(name)
    raise _unknown(setting, f"the data set has no concept {name!r}", name, concept_names)


def _unknown(setting: str, fault: str, name: str, known: Sequence[str]) -> CapabilityError:
    listed = ", ".join(known[:_NAMED]) + ", …" * (len(known) > _NAMED)
    error = CapabilityError(
        f"{setting}: {fault}{did_you_mean(name, known)} (there are: {listed or 'none'})"
    )
    error.setting = setting
    return error
