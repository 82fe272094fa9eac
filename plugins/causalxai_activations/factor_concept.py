"""The concept of a factor: how much of it there is, and that one can take it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from causalxai.concept import Concept, UnitChange
from causalxai.intervention import Action, Intervention


@dataclass(frozen=True, slots=True)
class FactorConcept(Concept):
    """A factor of activations, whose value is its mean coefficient; its intervention is removal.

    One unit of change is the removal, because a coefficient of 0 is the absence of what the factor
    stands for. Its importance is what it adds as it stands. Other values can be set as well:
    ``scale`` is a standard deviation, in which other changes are described.
    """

    low: float | None = 0.0

    action: ClassVar[Action] = Action.SET

    def unit_change(self, values: Tensor, *, up: bool = True) -> UnitChange:  # noqa: ARG002
        """Return the removal."""
        return UnitChange(torch.zeros_like(values), torch.full_like(values, -1.0))

    def intervention(self, place: int, *, up: bool = True) -> Intervention:  # noqa: ARG002
        """Return the removal of the concept at ``place`` of its space."""
        return Intervention.ablate(torch.tensor([place]))

    def sign(self, *, up: bool = True) -> int:  # noqa: ARG002
        """Return -1, because an intervention removes what the factor contributes."""
        return -1

    def in_words(self, before: float, after: float) -> str:
        """Return ``factor 3 removed``, or the change in standard deviations."""
        # The parent is named, because a dataclass with slots is another class than super() knows.
        return f"{self.name} removed" if after == 0 else Concept.in_words(self, before, after)
