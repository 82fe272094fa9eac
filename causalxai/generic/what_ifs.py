"""What-ifs of the generic explainers: images in which one concept is changed by one unit."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Concept, Units, unit_changes
from causalxai.dataset import some_of_each_class
from causalxai.generic.scope import Scope
from causalxai.intervention import Action, Intervention
from causalxai.oracle import Oracle
from causalxai.what_if import Change, WhatIf

_SHOWN = 3


def change_of(concept: Concept, before: float, after: float) -> Change:
    """Return what happens to a concept whose value goes from ``before`` to ``after``."""
    value = after - before if concept.action is Action.SHIFT else after
    return Change(concept.name, concept.action, value, concept.in_words(before, after))


def pictured_rows(oracle: Oracle, target: Tensor, most: int) -> Tensor:
    """Return the images whose what-ifs are kept, ``[r]``; none if the oracle has no pictures."""
    rows = some_of_each_class(target, most) if Capability.IMAGES in oracle.capabilities else []
    return torch.tensor(sorted(rows), dtype=torch.int64)


def as_perceived(oracle: Oracle, units: Units, rows: Tensor) -> list[WhatIf]:
    """Return the images as the oracle sees them when nothing is done; ``units`` are the rows'."""
    seen = oracle.query(units, Intervention.none(), want=("logits", "images"))
    logits, images = seen.answer("logits")[0].cpu(), seen.answer("images")[0].cpu()
    parts = zip(rows.tolist(), logits, images, strict=True)
    return [WhatIf(row, (), logit, image) for row, logit, image in parts]


def unit_what_ifs(
    oracle: Oracle,
    units: Units,
    target: Tensor,
    scope: Scope,
    importance: Tensor,
    *,
    most: int,
    up: bool = True,
) -> tuple[WhatIf, ...]:
    """Return pictures of the concepts that matter most, each changed by a unit.

    Parameters
    ----------
    oracle
        Any bound oracle; without pictures there are no what-ifs.
    units, target
        The ``n`` images as they are read, and the classes that are explained.
    scope, importance
        The ``m`` concepts and their importance ``[n, m]``.
    most
        For how many images.
    up
        Which way concepts go that can go either way.
    """
    rows = pictured_rows(oracle, target, most)
    if not len(rows):
        return ()
    some = units[rows.to(units.values.device)]
    order = importance.abs().mean(dim=0).argsort(descending=True, stable=True)
    shown = order[:_SHOWN].sort().values
    places = scope.places[shown]
    concepts = [scope.concepts[column] for column in shown.tolist()]
    own = some.values[:, places]
    set_to = unit_changes(concepts, own, up=up).set_to
    done = Intervention.set(places[:, None], set_to.T[..., None])
    answer = oracle.query(some, done, want=("logits", "images"))
    logits, images = answer.answer("logits").cpu(), answer.answer("images").cpu()
    what_ifs = as_perceived(oracle, some, rows)
    for column, concept in enumerate(concepts):
        for index, row in enumerate(rows.tolist()):
            change = change_of(concept, float(own[index, column]), float(set_to[index, column]))
            what_ifs.append(WhatIf(row, (change,), logits[column, index], images[column, index]))
    return tuple(what_ifs)
