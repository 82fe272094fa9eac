"""What the oracle is asked to find edges: do() on concepts, with the others held or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.concept_space import Units
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle

Values = NDArray[np.float64]

SIGNS = (1.0, -1.0)


@dataclass(frozen=True)
class Concepts:
    """The named concepts that edges are sought between.

    Parameters
    ----------
    oracle
        With readback.
    units
        ``n`` individuals.
    count
        k: the first so many concepts of the oracle's space.
    unit
        ``[k]``, one unit of do() for each: an sd, or 1 for what is there or not.
    boolean
        Concepts, by their places, that are there (1) or not (0): do() sets them to these.
    """

    oracle: Oracle
    units: Units
    count: int
    unit: Tensor
    boolean: frozenset[int] = frozenset()

    @property
    def span(self) -> Values:
        """``[k]``: how far a step up and one down are apart, in units."""
        return np.array([1.0 if index in self.boolean else 2.0 for index in range(self.count)])

    @property
    def own(self) -> Tensor:
        """``[n, k]``, the values that the units have."""
        return self.units.values[:, : self.count]

    def readback(self, interventions: Intervention) -> Tensor:
        """Return what is read back in units from each one's own readback, ``[q, n, k]``."""
        return (self._read(interventions) - self.untouched) / self.unit

    @cached_property
    def untouched(self) -> Tensor:
        """``[n, k]``, what is read back from the picture of a unit that nothing is done to."""
        return self._read(Intervention.none())[0]

    def _read(self, interventions: Intervention) -> Tensor:
        response = self.oracle.query(self.units, interventions, want=("readback",))
        return response.answer("readback")[..., : self.count]

    def do(self, concept: int, step: float, *, free: int | None = None) -> tuple[Tensor, Tensor]:
        """Return targets ``[k']`` and settings ``[n, k']`` that move one concept and hold others.

        Parameters
        ----------
        concept
            What is moved.
        step
            By how many units; a boolean concept is set to 1 for a step up and to 0 for one down.
        free
            A concept that is not held, so that it may follow; ``None`` holds all.
        """
        settings = self.own.clone()
        if concept in self.boolean:
            settings[:, concept] = float(step > 0)
        else:
            settings[:, concept] += step * self.unit[concept]
        kept = [index for index in range(self.count) if index != free]
        return torch.tensor(kept), settings[:, kept]


def together(parts: list[tuple[Tensor, Tensor]]) -> Intervention:
    """Return one intervention for each pair of targets and settings, all as long."""
    targets, settings = zip(*parts, strict=True)
    return Intervention.set(torch.stack(targets), torch.stack(settings))


def direct_effects(concepts: Concepts) -> Values:
    """Return how far each concept is read back to follow another alone.

    For every ordered pair (i, j), i is moved up and down by one sd, or set to 1 and to 0 where it
    is boolean, j may follow as the SCM layer says, and all others are held at their own values.

    Returns
    -------
    ndarray
        ``[n, 2, k, k]``: for each unit, at 0 the change of j's readback in the direction of the
        step, in units, for each unit of the step, at 1 that of i's own; entries (i, i) are 0 and 1.
    """
    k = concepts.count
    pairs = [(i, j) for i in range(k) for j in range(k) if i != j]
    effects = np.zeros((len(concepts.units), 2, k, k))
    effects[:, 1] += np.eye(k)
    if not pairs:
        return effects
    asked = [concepts.do(i, sign, free=j) for i, j in pairs for sign in SIGNS]
    moved = concepts.readback(together(asked)).cpu().double().numpy()
    moved = moved.reshape(len(pairs), len(SIGNS), len(concepts.units), k)
    along = (moved * np.array(SIGNS)[None, :, None, None]).sum(axis=1)
    for (i, j), change in zip(pairs, along, strict=True):
        for place, concept in enumerate((j, i)):
            effects[:, place, i, j] = change[:, concept] / concepts.span[i]
    return effects


def edge_weights(effects: Values) -> Values:
    """Return EW ``[k, k]``: the mean change of j over the mean change of i, for i → j.

    Parameters
    ----------
    effects
        ``[n, 2, k, k]``, from ``direct_effects``, or a resample of its units.

    Notes
    -----
    Source: GLANCE, equation 2, whose mean of ratios is heavy-tailed; this is the ratio of means.
    """
    followed, moved = effects.mean(axis=0)
    # Where a concept does not obey do() at all there is nothing to divide by.
    obeyed = np.abs(moved) > 0.05
    return np.where(obeyed, followed / np.where(obeyed, moved, 1.0), 0.0)


def prediction_shift(concepts: Concepts) -> Values:
    """Return how far the predicted probabilities move when one concept does, others held.

    Returns
    -------
    ndarray
        ``[n, k]``: the total variation distance in [0, 1], the mean of a step up and one down; for
        a boolean concept that between its being there and not.
    """
    asked = [concepts.do(i, sign) for i in range(concepts.count) for sign in SIGNS]
    oracle, units = concepts.oracle, concepts.units
    before = oracle.query(units, Intervention.none()).answer("logits").softmax(dim=-1)
    after = oracle.query(units, together(asked)).answer("logits").softmax(dim=-1)
    pairs = after.unflatten(0, (concepts.count, len(SIGNS)))
    shift = (pairs - before).abs().sum(dim=-1).mean(dim=1)
    for concept in concepts.boolean:
        shift[concept] = (pairs[concept, 0] - pairs[concept, 1]).abs().sum(dim=-1)
    return np.asarray((shift.cpu().double() / 2).T.numpy())
