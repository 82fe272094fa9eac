"""What is known of a data set before its images are read."""

from __future__ import annotations

from dataclasses import dataclass

from causalxai.capabilities import Capability


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
        Which of ``Capability.OBSERVATIONS`` and ``Capability.REFERENCE`` the data set has.
    """

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    concept_names: tuple[str, ...] = ()
    offers: frozenset[Capability] = frozenset()
