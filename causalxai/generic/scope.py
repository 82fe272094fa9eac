"""Chooses the concepts of an explanation, if there are more than it can query or show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pydantic import PositiveInt
from torch import Tensor

from causalxai.concept import Concept, Units
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError, did_you_mean
from causalxai.generic.unit_effects import concepts_at, unit_effects
from causalxai.oracle import Oracle
from causalxai.plugin import PluginConfig
from causalxai.storage.record import Json


class ScopeConfig(PluginConfig):
    """Settings of all parts that choose among concepts.

    Parameters
    ----------
    layers
        Only concepts that live in these network layers; all unless given.
    most
        How many concepts at most. Of more, those with the strongest single effects are taken,
        on average over the images.
    """

    layers: tuple[str, ...] | None = None
    most: PositiveInt = 64


@dataclass(frozen=True)
class Scope:
    """The ``m`` concepts that are asked for.

    Parameters
    ----------
    places
        ``[m]``, in ascending order.
    concepts
        The concepts at these places.
    considered
        How many they were chosen from.
    """

    places: Tensor
    concepts: tuple[Concept, ...]
    considered: int

    @property
    def names(self) -> tuple[str, ...]:
        """The concepts' names."""
        return tuple(concept.name for concept in self.concepts)

    def summary(self) -> dict[str, Json]:
        """Return what a result has to say of the choice."""
        left_out = self.considered - len(self.places)
        return {"concepts considered": self.considered, "concepts left out": left_out}


def choose(oracle: Oracle, units: Units, target: Tensor, config: ScopeConfig) -> Scope:
    """Choose the concepts that are asked for.

    Parameters
    ----------
    oracle
        Any bound oracle.
    units, target
        ``n`` individuals, and for each the class ``[n]`` whose logit tells how strong effects are.
    config
        How to choose.

    Raises
    ------
    CapabilityError
        If a layer is named that has no concept.
    """
    candidates = places_in(oracle.space, config.layers)
    places = candidates
    if len(candidates) > config.most:
        strength = unit_effects(oracle, units, target, candidates).importance.abs().mean(dim=0)
        # A stable order, so that ties are the same on every machine.
        order = strength.argsort(descending=True, stable=True)
        places = candidates[order[: config.most]].sort().values
    return Scope(places, tuple(concepts_at(oracle, places)), len(candidates))


def places_in(space: ConceptSpace, layers: Sequence[str] | None) -> Tensor:
    """Return the places of the concepts that live in some layers, ``[c]``; of all for ``None``.

    Raises
    ------
    CapabilityError
        If one of the layers has no concept.
    """
    if layers is None:
        return torch.arange(len(space.concepts))
    known = [concept.layer for concept in space.concepts]
    for name in layers:
        if name not in known:
            there = sorted({layer for layer in known if layer is not None})
            raise CapabilityError(
                f"no concept lives in a layer {name!r}{did_you_mean(name, there)} "
                f"(there are: {', '.join(there) or 'none'})"
            )
    return torch.tensor([place for place, layer in enumerate(known) if layer in layers])
