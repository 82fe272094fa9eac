"""What every oracle's answers promise; what it must refuse is in ``refusal_checks``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import nn

from causalxai.intervention import NO_TARGET, Action, Intervention
from causalxai.oracle import Oracle
from causalxai.testing.bench import Bench, check
from causalxai.testing.trial import Trial, bind

_ONE_BYTE, _PLENTY = 1, 2**40


@check
def bind_returns_self(bench: Bench[Oracle]) -> None:
    """Require ``bind`` to return the oracle, which then knows what it speaks of."""
    inputs = bench.inputs
    space = inputs.need_space()
    bound = bench.plugin.bind(inputs.classifier, space)
    bench.require(bound is bench.plugin, "bind does not return self")
    knows = bound.classifier is inputs.classifier and bound.space is space
    bench.require(knows, "after bind, it has another classifier or space")


@check
def empty_intervention_is_identity(bench: Bench[Oracle]) -> None:
    """Require the images' own logits where nothing is done."""
    trial = bind(bench)
    own = bench.inputs.classifier.logits(bench.images)
    for nothing in (Intervention.none(), trial.set([()])):
        bench.require_same(
            trial.ask(nothing)[0],
            own,
            "the empty intervention is not the identity",
            within=bench.fidelity,
        )


@check
def own_values_are_identity(bench: Bench[Oracle]) -> None:
    """Require that setting concepts, one or some, to their own values does nothing."""
    trial = bind(bench)
    before = trial.ask(Intervention.none())[0]
    for some in (*((one,) for one in trial.chosen), trial.chosen):
        own = Intervention.set(torch.tensor([some]), trial.own_values(some)[None])
        complaint = f"concepts {list(some)}, set to their own values, change the answer"
        bench.require_same(trial.ask(own)[0], before, complaint)


@check
def order_of_interventions_does_not_matter(bench: Bench[Oracle]) -> None:
    """Require each intervention to be answered as if it were asked alone, in any order."""
    trial = bind(bench)
    asked = trial.interventions()
    answer = trial.ask(asked)
    backwards = torch.arange(len(asked) - 1, -1, -1)
    complaint = "the order of interventions changes the answer"
    bench.require_same(trial.ask(asked[backwards]), answer[backwards], complaint)
    for row in range(len(asked)):
        rows = slice(row, row + 1)
        complaint = f"intervention {row} is answered differently when it is asked alone"
        bench.require_same(trial.ask(asked[rows]), answer[rows], complaint)


@check
def order_of_targets_does_not_matter(bench: Bench[Oracle]) -> None:
    """Require that what is done at once has no order."""
    trial = bind(bench)
    asked = trial.set([trial.chosen])
    turned = Intervention.set(asked.targets.flip(1), asked.values.flip(1))
    complaint = "the order of an intervention's targets changes the answer"
    bench.require_same(trial.ask(turned), trial.ask(asked), complaint)


@check
def chunk_size_does_not_matter(bench: Bench[Oracle]) -> None:
    """Require the memory ceiling to change how a query is cut up, and nothing else."""
    small, large = bind(bench, memory_ceiling=_ONE_BYTE), bind(bench, memory_ceiling=_PLENTY)
    for interventions in (large.interventions(), _by_unit(large)):
        complaint = "the size of chunks changes the answer"
        bench.require_same(small.ask(interventions), large.ask(interventions), complaint)


@check
def units_are_answered_alone(bench: Bench[Oracle]) -> None:
    """Require a batch of units to be answered as its units are one by one."""
    trial = bind(bench)
    asked = trial.interventions()
    answer = trial.ask(asked)
    for row in range(len(trial.units)):
        rows = slice(row, row + 1)
        complaint = f"unit {row} is answered differently alone and in a batch"
        bench.require_same(trial.ask(asked, trial.units[rows]), answer[:, rows], complaint)


@check
def units_may_have_their_own_values(bench: Bench[Oracle]) -> None:
    """Require values ``[q, n, k]`` to say the same as each unit asked with its own ``[q, k]``."""
    trial = bind(bench)
    asked = _by_unit(trial)
    answer = trial.ask(asked)
    for row in range(len(trial.units)):
        rows = slice(row, row + 1)
        alone = Intervention(asked.targets, asked.values[:, row])
        complaint = f"values for each unit are not those that unit {row} gets"
        bench.require_same(trial.ask(alone, trial.units[rows]), answer[:, rows], complaint)


@check
def padding_is_nothing(bench: Bench[Oracle]) -> None:
    """Require ``NO_TARGET`` to mean nothing, wherever and beside whatever value it stands."""
    trial = bind(bench)
    plain = Intervention.set(*_columns(trial, trial.chosen))
    gap = torch.full_like(plain.targets, NO_TARGET)
    noise = torch.full_like(plain.values, 3.0)
    answer = trial.ask(plain)
    for first in (True, False):
        targets, values = [plain.targets, gap], [plain.values, noise]
        order = slice(None, None, -1) if first else slice(None)
        padded = Intervention.set(torch.cat(targets[order], 1), torch.cat(values[order], 1))
        bench.require_same(trial.ask(padded), answer, "padding by NO_TARGET changes the answer")


@check
def shifts_and_flips_start_from_the_own_value(bench: Bench[Oracle]) -> None:
    """Require a shift (or flip) to be answered as the value that it leads to."""
    trial = bind(bench)
    targets, values = _columns(trial, trial.chosen)
    own = trial.own_values(trial.chosen).T[..., None].cpu()
    shift = Intervention(targets, values[:, None] - own, Action.SHIFT)
    complaint = "a shift is not answered as the value that it leads to"
    bench.require_same(trial.ask(shift), trial.ask(Intervention.set(targets, values)), complaint)
    concepts = trial.oracle.space.concepts
    boolean = [index for index in trial.chosen if concepts[index].is_binary]
    if boolean:
        flip = Intervention.flip(torch.tensor(boolean))
        to = Intervention(flip.targets, 1 - trial.own_values(boolean).T[..., None])
        complaint = "a flip is not answered as the value that it leads to"
        bench.require_same(trial.ask(flip), trial.ask(to), complaint)


@check
def same_question_gets_the_same_answer(bench: Bench[Oracle]) -> None:
    """Require the same answer to the same question, also after another one."""
    trial = bind(bench)
    asked = trial.interventions()
    answer = trial.ask(asked)
    bench.require_same(trial.ask(asked), answer, "asked twice, it gives two answers")
    trial.ask(Intervention.none(2))
    complaint = "its answer depends on what it was asked before"
    bench.require_same(trial.ask(asked), answer, complaint)
    bench.require_same(bind(bench).ask(asked), answer, "two of its instances give two answers")


@check
def answers_have_the_promised_form(bench: Bench[Oracle]) -> None:
    """Require finite answers of the promised shapes to all that it can answer."""
    trial = bind(bench)
    asked, classifier = trial.interventions(), bench.inputs.classifier
    response = trial.oracle.query(trial.units, asked, want=trial.wants)
    ends = {
        "logits": (len(classifier.class_names),),
        "readback": (len(trial.oracle.space.concepts),),
        "images": classifier.image_shape,
    }
    for want in trial.wants:
        answer = response.answer(want)
        shape = (len(asked), len(trial.units), *ends[want])
        found = tuple(answer.shape)
        bench.require(found == shape, f"{want} are {list(shape)}, not {list(found)}")
        bench.require(answer.is_floating_point(), f"{want} are {answer.dtype}, not floats")
        bench.require(bool(torch.isfinite(answer).all()), f"{want} are not finite")
        bench.require(not answer.requires_grad, f"{want} drag a gradient along")
        bench.require(answer.device.type == classifier.device.type, f"{want} lie elsewhere")
    if "images" in trial.wants:
        images = response.answer("images")
        bench.require(0 <= float(images.min()) <= float(images.max()) <= 1, "images leave [0, 1]")


@check
def images_are_what_the_classifier_saw(bench: Bench[Oracle]) -> None:
    """Require the logits to be those of the pictures, of oracles that judge pictures."""
    trial = bind(bench)
    if "images" not in trial.wants or not trial.oracle.judges_pictures:
        return
    response = trial.oracle.query(trial.units, trial.interventions(), want=("logits", "images"))
    images = response.answer("images")
    seen = bench.inputs.classifier.logits(images.flatten(0, 1)).unflatten(0, images.shape[:2])
    complaint = "the logits are not those of the images"
    bench.require_same(response.answer("logits"), seen, complaint)


@check
def query_leaves_the_classifier_alone(bench: Bench[Oracle]) -> None:
    """Require weights to be bit-identical after bind and query, and no hook to stay."""
    with bench.untouched("a query"):
        trial = bind(bench)
        trial.oracle.query(trial.units, trial.interventions(), want=trial.wants)


@check
def query_leaves_its_inputs_alone(bench: Bench[Oracle]) -> None:
    """Require that neither units nor interventions are changed."""
    trial = bind(bench)
    asked, units = trial.interventions(), trial.units
    residual = {f"the residual {name!r}": tensor for name, tensor in units.residual.items()}
    images = {
        "the units' values": units.values,
        **residual,
        "targets": asked.targets,
        "the interventions' values": asked.values,
    }
    with bench.unchanged("a query", images):
        trial.oracle.query(units, asked, want=trial.wants)


@check
def an_exception_leaves_the_classifier_alone(bench: Bench[Oracle]) -> None:
    """Require weights, hooks and the oracle itself in order after a query that was cut short."""
    expected = bind(bench).ask(bind(bench).interventions())
    for calls in (1, 2, 4, 8, 16, 32):
        trial = bind(bench, memory_ceiling=_ONE_BYTE)
        with (
            bench.untouched(f"a query that was cut short at module call {calls}"),
            _fault(bench.inputs.classifier.model, calls) as struck,
            suppress(Exception),
        ):
            trial.ask(trial.interventions())
        answer = trial.ask(trial.interventions())
        bench.require_same(answer, expected, "once cut short, it answers differently")
        if not struck:
            return


@check
def ledger_counts_calls_and_answers(bench: Bench[Oracle]) -> None:
    """Require each query to count as one call, and as one answer a unit and intervention."""
    trial = bind(bench, memory_ceiling=_ONE_BYTE)
    asked, ledger = trial.interventions(), trial.oracle.ledger
    bench.require((ledger.calls, ledger.answers) == (0, 0), "a new ledger does not begin at 0")
    for calls in (1, 2):
        trial.ask(asked)
        told, counted = (
            (ledger.calls, ledger.answers),
            (calls, calls * len(asked) * len(trial.units)),
        )
        bench.require(told == counted, f"after {counted} calls and answers it tells {told}")


def _columns(trial: Trial, chosen: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return targets and values ``[q, 1]`` that set each concept to another value."""
    values = [trial.other_value(index) for index in chosen]
    return torch.tensor(chosen)[:, None], torch.tensor(values)[:, None]


def _by_unit(trial: Trial) -> Intervention:
    """Return interventions that concern every other unit; the others keep their own values."""
    targets, values = _columns(trial, trial.chosen)
    own = trial.own_values(trial.chosen).T[..., None].cpu()
    every_other = (torch.arange(len(trial.units)) % 2 == 1)[None, :, None]
    return Intervention(targets, torch.where(every_other, values[:, None], own))


class _CutShortError(Exception):
    """Raised in the midst of a forward pass."""


@contextmanager
def _fault(model: nn.Module, calls: int) -> Iterator[list[int]]:
    """Raise at a given call of the model's innermost modules; yields what tells if it did."""
    seen: list[int] = []
    struck: list[int] = []

    def strike(_module: nn.Module, _args: object) -> None:
        seen.append(1)
        if len(seen) == calls:
            struck.append(calls)
            raise _CutShortError

    leaves = [module for module in model.modules() if not list(module.children())]
    handles = [module.register_forward_pre_hook(strike) for module in leaves]
    try:
        yield struck
    finally:
        for handle in handles:
            handle.remove()


ORACLE_CHECKS = (
    bind_returns_self,
    empty_intervention_is_identity,
    own_values_are_identity,
    order_of_interventions_does_not_matter,
    order_of_targets_does_not_matter,
    chunk_size_does_not_matter,
    units_are_answered_alone,
    units_may_have_their_own_values,
    padding_is_nothing,
    shifts_and_flips_start_from_the_own_value,
    same_question_gets_the_same_answer,
    answers_have_the_promised_form,
    images_are_what_the_classifier_saw,
    query_leaves_the_classifier_alone,
    query_leaves_its_inputs_alone,
    an_exception_leaves_the_classifier_alone,
    ledger_counts_calls_and_answers,
)
