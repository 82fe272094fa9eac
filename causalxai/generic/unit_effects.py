"""Unit effects: what a change of each concept alone by one unit adds to the logit of a class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.concept import Concept, Units, unit_changes
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle

_CONCEPTS_AT_ONCE = 4096


@dataclass(frozen=True)
class UnitEffects:
    """Effects of single interventions, on the CPU.

    Parameters
    ----------
    effect
        ``[n, m]``, what the intervention adds to the logit, its consequences included.
    share
        ``[n, m]``, which share of a unit it is; see ``UnitChange``.
    """

    effect: Tensor
    share: Tensor

    @property
    def importance(self) -> Tensor:
        """``[n, m]``, what one unit adds; 0 where no change was possible.

        A boolean concept or a parameter adds what is lost when it is flipped or removed.
        """
        moved = self.share != 0
        return torch.where(moved, self.effect / torch.where(moved, self.share, 1.0), 0.0)


def unit_effects(
    oracle: Oracle, units: Units, target: Tensor, places: Tensor, *, up: bool = True
) -> UnitEffects:
    """Return the effects on a logit when each of some concepts is changed alone by one unit.

    Parameters
    ----------
    oracle
        Any bound oracle.
    units, target
        ``n`` individuals and, for each, the class ``[n]`` whose logit is meant.
    places
        ``[m]``, the concepts by their places in the space; there may be a hundred thousand.
    up
        Whether those that can go either way go up or down.
    """
    before = oracle.query(units, Intervention.none()).of_class(target)
    effects, shares = [], []
    for some in places.split(_CONCEPTS_AT_ONCE):
        change = unit_changes(concepts_at(oracle, some), units.values[:, some], up=up)
        # One value for each unit: [n, m] becomes [m, n, 1].
        done = Intervention.set(some[:, None], change.set_to.T[..., None])
        after = oracle.query(units, done).of_class(target)
        effects.append((after - before).T.cpu())
        shares.append(change.share.cpu())
    return UnitEffects(torch.cat(effects, dim=1), torch.cat(shares, dim=1))


def concepts_at(oracle: Oracle, places: Tensor) -> list[Concept]:
    """Return the concepts at some places of the oracle's space."""
    concepts = oracle.space.concepts
    return [concepts[place] for place in places.tolist()]
