"""An oracle that is bound to a bench, and interventions that any concept space allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from causalxai.concept import Concept, Units
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.oracle import DEFAULT_MEMORY_CEILING, Oracle, Want
from causalxai.testing.bench import Bench, BrokenPromiseError

_HANDFUL, _GLANCE = 8, 1000

WANTS: tuple[Want, ...] = get_args(Want)


@dataclass(frozen=True)
class Trial:
    """An oracle ready to be asked.

    Parameters
    ----------
    oracle
        A fresh one, bound.
    units
        The bench's images, read by the oracle's space.
    chosen
        Indices of a handful of concepts, spread over all layers.
    """

    oracle: Oracle
    units: Units
    chosen: tuple[int, ...]

    @property
    def wants(self) -> tuple[Want, ...]:
        """All that the oracle has the capability to answer."""
        return tuple(want for want in WANTS if can_answer(self.oracle, want))

    def interventions(self) -> Intervention:
        """Return a mixture of interventions: on nothing, on one concept, and on two at once."""
        pairs = zip(self.chosen[::2], self.chosen[1::2], strict=False)
        rows = [(), *((one,) for one in self.chosen), *pairs]
        return self.set(rows)

    def set(self, rows: Sequence[tuple[int, ...]]) -> Intervention:
        """Return one intervention for each row of concepts; short rows are filled up."""
        width = max(2, *(len(row) for row in rows))
        targets = torch.full((len(rows), width), NO_TARGET)
        values = torch.zeros(len(rows), width)
        for index, row in enumerate(rows):
            for column, concept in enumerate(row):
                targets[index, column] = concept
                values[index, column] = self.other_value(concept)
        return Intervention.set(targets, values)

    def own_values(self, concepts: Sequence[int]) -> Tensor:
        """Return ``[n, k]``: the values that some concepts have anyhow."""
        return self.units.values[:, list(concepts)]

    def other_value(self, index: int) -> float:
        """Return a sensible value for a concept that most units don't have."""
        concept, values = self.oracle.space.concepts[index], self.units.values[:, index]
        choices = concept.other_values(values)
        return choices[index % len(choices)]

    def ask(self, interventions: Intervention, units: Units | None = None) -> Tensor:
        """Return the logits, ``[q, n, K]``."""
        asked = self.units if units is None else units
        return self.oracle.query(asked, interventions).answer("logits")


def bind(bench: Bench[Oracle], *, memory_ceiling: int = DEFAULT_MEMORY_CEILING) -> Trial:
    """Bind a fresh oracle to the bench's classifier and space, and read the bench's images."""
    space = bench.inputs.space
    if space is None:
        raise BrokenPromiseError(f"{bench.who}: its bench has no fitted concept space")
    oracle = bench.fresh().bind(bench.inputs.classifier, space, memory_ceiling=memory_ceiling)
    return Trial(oracle, space.encode(bench.images), _handful(space.concepts))


def can_answer(oracle: Oracle, want: Want) -> bool:
    """Tell whether an oracle says that it has what a want needs."""
    return want in oracle.answers


def _handful(concepts: Sequence[Concept]) -> tuple[int, ...]:
    """Choose some concepts, at least one of each layer (of as many as a glance shows)."""
    by_layer: dict[str | None, list[int]] = {}
    for index in evenly_spaced_rows(len(concepts), _GLANCE).tolist():
        by_layer.setdefault(concepts[index].layer, []).append(index)
    share = max(1, _HANDFUL // len(by_layer))
    return tuple(
        group[place]
        for group in by_layer.values()
        for place in evenly_spaced_rows(len(group), share).tolist()
    )
