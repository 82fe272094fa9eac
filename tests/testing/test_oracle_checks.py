"""For each check of oracles a toy that breaks just that promise, and is caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from causalxai.concept import Units
from causalxai.intervention import NO_TARGET, Action, Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai.plugin import Plugin
from causalxai.testing import Bench, BrokenPromiseError, checks_for, toy_world
from causalxai.testing.toys import ToyOracle

BROKEN: list[tuple[str, type[ToyOracle]]] = []


def breaks(*checks: str) -> Callable[[type[ToyOracle]], type[ToyOracle]]:
    def register(oracle: type[ToyOracle]) -> type[ToyOracle]:
        BROKEN.extend((check, oracle) for check in checks)
        return oracle

    return register


class Tampered(ToyOracle):
    """Changes what a toy is asked, or its logits."""

    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        return logits

    def _respond(self, units: Units, interventions: Intervention, want: Any) -> Response:
        response = super()._respond(units, interventions, want)
        logits = self.tamper(response.answer("logits"), units, interventions)
        return replace(response, logits=logits)


@breaks("bind_returns_self")
class ReturnsNothing(ToyOracle):
    def bind(self, *args: Any, **kwargs: Any) -> Any:
        super().bind(*args, **kwargs)


@breaks("bind_returns_self")
class ForgetsItsSpace(ToyOracle):
    def bind(self, *args: Any, **kwargs: Any) -> Any:
        super().bind(*args, **kwargs)
        self.space = type(self.space)()
        return self


@breaks("empty_intervention_is_identity")
class IsOffByABit(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        return logits + 0.1


@breaks("own_values_are_identity")
class CountsTargets(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        touched = (asked.targets != NO_TARGET).any(dim=1)
        return logits + 0.1 * touched[:, None, None]


@breaks("order_of_interventions_does_not_matter")
class AnswersTheFirstBest(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        return logits + torch.arange(len(asked))[:, None, None]


@breaks("order_of_targets_does_not_matter")
class HeedsTheFirstTargetAlone(ToyOracle):
    def _respond(self, units: Units, interventions: Intervention, want: Any) -> Response:
        first = replace(
            interventions,
            targets=interventions.targets[:, :1],
            values=interventions.values[..., :1],
        )
        return super()._respond(units, first, want)


@breaks("chunk_size_does_not_matter")
class DependsOnTheChunk(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        return logits * len(asked)


@breaks("units_are_answered_alone", "chunk_size_does_not_matter")
class NormalisesTheBatch(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        return logits - logits.mean(dim=1, keepdim=True)


@breaks("units_may_have_their_own_values")
class TakesTheFirstUnitsValues(ToyOracle):
    def _respond(self, units: Units, interventions: Intervention, want: Any) -> Response:
        if interventions.values.dim() == 3:
            interventions = replace(interventions, values=interventions.values[:, 0])
        return super()._respond(units, interventions, want)


@breaks("padding_is_nothing")
class ReadsPaddedValues(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        padded = (asked.resolve(units.values) * (asked.targets == NO_TARGET)[:, None]).sum(dim=2)
        return logits + padded[..., None]


@breaks("padding_is_nothing")
class CountsColumns(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        return logits * (1 + asked.targets.shape[1])


@breaks("shifts_and_flips_start_from_the_own_value")
class TakesShiftsForValues(ToyOracle):
    def _respond(self, units: Units, interventions: Intervention, want: Any) -> Response:
        return super()._respond(units, replace(interventions, action=Action.SET), want)


@breaks("same_question_gets_the_same_answer")
class RollsDice(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        return logits + 0.1 * torch.randn_like(logits)


@breaks("same_question_gets_the_same_answer")
class Remembers(Tampered):
    asked_before = 0.0

    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        self.asked_before += 0.1
        return logits + self.asked_before


@breaks("answers_have_the_promised_form")
class LosesAClass(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        return logits[..., :-1]


@breaks("answers_have_the_promised_form")
class DividesByZero(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        return logits / 0


@breaks("answers_have_the_promised_form")
class ReadsTooLittleBack(ToyOracle):
    def _respond(self, units: Units, interventions: Intervention, want: Any) -> Response:
        response = super()._respond(units, interventions, want)
        return replace(response, readback=response.answer("readback")[..., :-1])


@breaks("answers_have_the_promised_form", "images_are_what_the_classifier_saw")
class Overexposes(ToyOracle):
    def _respond(self, units: Units, interventions: Intervention, want: Any) -> Response:
        response = super()._respond(units, interventions, want)
        return replace(response, images=2 * response.answer("images"))


@breaks("query_leaves_the_classifier_alone")
class WritesWeights(Tampered):
    @torch.no_grad()
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        next(self.classifier.model.parameters()).mul_(1 + 1e-6)
        return logits


@breaks("query_leaves_the_classifier_alone")
class LeavesAHook(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        self.classifier.model[1].register_forward_hook(lambda *_: None)
        return logits


@breaks("query_leaves_the_classifier_alone")
class TurnsOnTraining(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        self.classifier.model.train()
        return logits


@breaks("query_leaves_the_classifier_alone")
class ThawsWeights(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        self.classifier.model.requires_grad_(True)
        return logits


@breaks("query_leaves_its_inputs_alone")
class WritesUnits(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        units.values.mul_(1 + 1e-6)
        return logits


@breaks("query_leaves_its_inputs_alone")
class WritesTheResidual(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        units.residual["texture"].zero_()
        return logits


@breaks("query_leaves_its_inputs_alone")
class WritesTargets(Tampered):
    def tamper(self, logits: Tensor, units: Units, asked: Intervention) -> Tensor:
        asked.targets.clamp_(min=0)
        return logits


@breaks("an_exception_leaves_the_classifier_alone")
class EditsInPlaceUnguarded(ToyOracle):
    @torch.no_grad()
    def _respond(self, units: Units, interventions: Intervention, want: Any) -> Response:
        bias = self.classifier.model[1].bias
        kept = bias.clone()
        bias.add_(1)
        response = super()._respond(units, interventions, want)
        bias.copy_(kept)
        return replace(response, logits=response.answer("logits") - 1)


@breaks("an_exception_leaves_the_classifier_alone")
class HooksUnguarded(ToyOracle):
    def _respond(self, units: Units, interventions: Intervention, want: Any) -> Response:
        handle = self.classifier.model[1].register_forward_hook(lambda *_: None)
        response = super()._respond(units, interventions, want)
        handle.remove()
        return response


@breaks("an_exception_leaves_the_classifier_alone")
class LosesItself(ToyOracle):
    busy = False

    def _respond(self, units: Units, interventions: Intervention, want: Any) -> Response:
        if self.busy:
            return super()._respond(units, Intervention.none(len(interventions)), want)
        self.busy = True
        response = super()._respond(units, interventions, want)
        self.busy = False
        return response


@breaks("ledger_counts_calls_and_answers")
class CountsTwice(ToyOracle):
    def query(self, *args: Any, **kwargs: Any) -> Response:  # type: ignore[misc]
        self.ledger.calls += 1
        return super().query(*args, **kwargs)


@breaks(
    "refuses_wants_it_cannot_answer",
    "refuses_units_of_another_width",
    "refuses_targets_out_of_range",
    "refuses_empty_queries",
    "refuses_values_that_are_not_finite",
    "refuses_values_for_other_units",
)
class RefusesNothing(ToyOracle):
    capabilities = frozenset()

    def _wanted(self, want: tuple[Want, ...]) -> tuple[Want, ...]:
        return want

    def _validate(self, *args: object) -> None:
        pass


def bench_of(oracle: type[ToyOracle]) -> Bench[Any]:
    world = toy_world(0)
    return Bench(
        plugin=oracle(world.oracle.config),
        inputs=world.inputs(),
        images=world.dataset.test.images[:4],
    )


@pytest.mark.parametrize(
    ("check", "oracle"), BROKEN, ids=[f"{oracle.__name__}-{check}" for check, oracle in BROKEN]
)
def test_a_broken_oracle_is_caught(check: str, oracle: type[ToyOracle]) -> None:
    checks = {each.__name__: each for each in checks_for(Oracle)}
    with pytest.raises(BrokenPromiseError, match=rf"\.{oracle.__name__}: "):
        checks[check](bench_of(oracle))


def test_no_check_of_oracles_is_left_untried() -> None:
    special = set(checks_for(Oracle)) - set(checks_for(Plugin))
    assert {check.__name__ for check in special} == {check for check, _ in BROKEN}


def test_an_imperfect_painter_may_say_so() -> None:
    strict = bench_of(IsOffByABit)
    check = next(c for c in checks_for(Oracle) if c.__name__ == "empty_intervention_is_identity")
    check(replace(strict, fidelity=0.1))
