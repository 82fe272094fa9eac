"""What every oracle must refuse rather than answer."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from causalxai.errors import CapabilityError
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle
from causalxai.testing.bench import Bench, check
from causalxai.testing.trial import WANTS, bind, can_answer


@check
def refuses_wants_it_cannot_answer(bench: Bench[Oracle]) -> None:
    """Require a CapabilityError for a want that no capability stands for."""
    trial = bind(bench)
    for want in WANTS:
        if not can_answer(trial.oracle, want):
            with bench.refuses(CapabilityError, f"{want}, for which it has no capability,"):
                trial.oracle.query(trial.units, Intervention.none(), want=(want,))


@check
def refuses_units_of_another_width(bench: Bench[Oracle]) -> None:
    """Require a ValueError for units of another concept space."""
    trial = bind(bench)
    values = trial.units.values
    for width, wrong in (("one column too many", _widened(values)), ("one axis", values[:, 0])):
        with bench.refuses(ValueError, f"units with {width}"):
            trial.ask(Intervention.none(), replace(trial.units, values=wrong))


@check
def refuses_targets_out_of_range(bench: Bench[Oracle]) -> None:
    """Require a ValueError for a target that is no concept."""
    trial = bind(bench)
    for target in (len(trial.oracle.space.concepts), -2):
        with bench.refuses(ValueError, f"target {target}"):
            trial.ask(Intervention.ablate(torch.tensor([target])))


@check
def refuses_empty_queries(bench: Bench[Oracle]) -> None:
    """Require a ValueError for no unit, no intervention or no want."""
    trial = bind(bench)
    one, nobody = Intervention.none(), trial.units[:0]
    with bench.refuses(ValueError, "a query without units"):
        trial.ask(one, nobody)
    with bench.refuses(ValueError, "a query without interventions"):
        trial.ask(Intervention.none(0))
    with bench.refuses(ValueError, "a query without wants"):
        trial.oracle.query(trial.units, one, want=())


@check
def refuses_values_that_are_not_finite(bench: Bench[Oracle]) -> None:
    """Require a ValueError for setting a concept to infinity, or to no number."""
    trial = bind(bench)
    for value in (float("nan"), float("inf")):
        with bench.refuses(ValueError, f"do(c = {value})"):
            trial.ask(Intervention.set(torch.tensor([0]), value))


@check
def refuses_values_for_other_units(bench: Bench[Oracle]) -> None:
    """Require a ValueError for values of more units than there are."""
    trial = bind(bench)
    values = trial.own_values([0])[None]
    too_many = torch.cat([values, values], dim=1)
    with bench.refuses(ValueError, "values for twice as many units"):
        trial.ask(Intervention.set(torch.tensor([[0]]), too_many))


def _widened(values: Tensor) -> Tensor:
    return torch.cat([values, values[:, :1]], dim=1)


REFUSAL_CHECKS = (
    refuses_wants_it_cannot_answer,
    refuses_units_of_another_width,
    refuses_targets_out_of_range,
    refuses_empty_queries,
    refuses_values_that_are_not_finite,
    refuses_values_for_other_units,
)
