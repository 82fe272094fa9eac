"""Queries for edges: do() on one concept, with the other concepts held or free to follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle

Values = NDArray[np.float64]

SIGNS = (1.0, -1.0)


@dataclass(frozen=True)
class Concepts:
    """The named concepts between which edges are sought.

    Parameters
    ----------
    oracle
        An oracle with readback.
    units
        ``n`` individuals.
    count
        k, the number of named concepts, which come first in the oracle's space.
    unit
        ``[k]``, one unit of do() for each concept: an sd, or 1 for a boolean concept.
    boolean
        Indices of the boolean concepts, which do() sets to 1 or 0.
    """

    oracle: Oracle
    units: Units
    count: int
    unit: Tensor
    boolean: frozenset[int] = frozenset()

    @property
    def span(self) -> Values:
        """``[k]``: the distance between a step up and a step down, in units."""
        return np.array([1.0 if index in self.boolean else 2.0 for index in range(self.count)])

    @property
    def own(self) -> Tensor:
        """``[n, k]``, the units' factual values."""
        return self.units.values[:, : self.count]

    def readback(self, interventions: Intervention) -> Tensor:
        """Return the changes of the readings by interventions, in units, ``[q, n, k]``."""
        return (self._read(interventions) - self.untouched) / self.unit

    @cached_property
    def untouched(self) -> Tensor:
        """``[n, k]``, the readings of the units' images without intervention."""
        return self._read(Intervention.none())[0]

    def _read(self, interventions: Intervention) -> Tensor:
        response = self.oracle.query(self.units, interventions, want=("readback",))
        return response.answer("readback")[..., : self.count]

    def do(self, concept: int, step: float, *, free: int | None = None) -> tuple[Tensor, Tensor]:
        """Return targets ``[k']`` and settings ``[n, k']`` that move one concept and hold others.

        Parameters
        ----------
        concept
            The concept to move.
        step
            The number of units; a boolean concept is set to 1 for a positive step and to 0 for a
            negative one.
        free
            A concept that is not held and may follow its causes; ``None`` holds all others.
        """
        settings = self.own.clone()
        if concept in self.boolean:
            settings[:, concept] = float(step > 0)
        else:
            settings[:, concept] += step * self.unit[concept]
        kept = [index for index in range(self.count) if index != free]
        return torch.tensor(kept), settings[:, kept]


def together(parts: list[tuple[Tensor, Tensor]]) -> Intervention:
    """Return one intervention for each pair of targets and settings, all of the same length."""
    targets, settings = zip(*parts, strict=True)
    return Intervention.set(torch.stack(targets), torch.stack(settings))


def direct_effects(concepts: Concepts) -> Values:
    """Return how far the reading of each concept follows each other concept alone.

    For every ordered pair (i, j), i is moved up and down by one sd, or set to 1 and to 0 if it is
    boolean; j may follow according to the SCM layer, and all other concepts are held at their
    factual values.

    Returns
    -------
    ndarray
        ``[n, 2, k, k]``: for each unit of the data, index 0 of the second axis is the change of j's
        reading per unit of the step, in the direction of the step, and index 1 the change of i's
        own reading. The entries (i, i) are 0 and 1.
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
    # Where a concept does not obey do() at all, the ratio is undefined and taken to be 0.
    obeyed = np.abs(moved) > 0.05
    return np.where(obeyed, followed / np.where(obeyed, moved, 1.0), 0.0)


def prediction_shift(concepts: Concepts) -> Values:
    """Return how far the predicted probabilities move with one concept, the others held.

    Returns
    -------
    ndarray
        ``[n, k]``: the total variation distance in [0, 1], averaged over a step up and a step down;
        for a boolean concept, the distance between presence and absence.
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
