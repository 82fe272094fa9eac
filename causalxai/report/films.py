"""Films: an image from do(-) to do(+) of one concept, in a few steps, as an oracle answers them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Concept, Units
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle
from causalxai.report.inlined import inlined_strip

_UNITS = (-2, -1, 1, 2)
AS_PERCEIVED = "perceived"


@dataclass(frozen=True)
class Step:
    """One picture of a film.

    Parameters
    ----------
    words
        What is done, such as "thickness +1 sd".
    confidence
        The probability of the explained class, in [0, 1].
    """

    words: str
    confidence: float


@dataclass(frozen=True)
class Film:
    """What becomes of an image while one concept goes from low to high.

    Parameters
    ----------
    pictures
        All pictures side by side in one file, as a ``data:`` address.
    steps
        One for each picture, from the lowest value of the concept to the highest.
    start
        The index of the step in which nothing is done.
    """

    pictures: str
    steps: tuple[Step, ...]
    start: int


def renders(oracle: Oracle | None) -> bool:
    """Return whether an oracle's answers can be filmed."""
    return oracle is not None and Capability.IMAGES in oracle.capabilities


def film(oracle: Oracle, unit: Units, place: int, target: int) -> Film | None:
    """Ask an oracle for the pictures of a film; ``None`` if nothing can be done to the concept.

    Parameters
    ----------
    oracle
        Renders images.
    unit
        A single unit.
    place
        The index of the concept.
    target
        The class whose confidence is told.
    """
    concept = oracle.space.concepts[place]
    own = float(unit.values[0, place])
    values = _values(concept, unit.values[0, place])
    if not concept.is_measured or len(values) == 1:
        return None
    start = values.index(own)
    done = Intervention.set(torch.full((len(values),), place), torch.tensor(values))
    answer = oracle.query(unit, done, want=("logits", "images"))
    shares = answer.answer("logits")[:, 0].softmax(dim=-1)[:, target].tolist()
    words = [
        AS_PERCEIVED if index == start else concept.in_words(own, value)
        for index, value in enumerate(values)
    ]
    steps = tuple(map(Step, words, shares))
    return Film(inlined_strip(list(answer.answer("images")[:, 0])), steps, start)


def _values(concept: Concept, own: Tensor) -> list[float]:
    """Return the concept's own value, and one and two units below and above, within its bounds."""
    moved = (float(concept.moved(own, own.new_tensor(k * concept.scale))) for k in _UNITS)
    return sorted({float(own), *moved})
