"""The training loop: it continues an interrupted run, and its errors say what to do."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, cast

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from causalxai.errors import DataError
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record
from causalxai.training.data_parallel import (
    average_over_processes,
    batches_divided,
    share_buffers,
)
from causalxai.training.state import TrainingState


class NotFiniteError(ArithmeticError):
    """A training step failed; the message names the quantity that is not finite."""


class StepwiseTraining(ABC):
    """A training of some hundreds or thousands of steps; subclasses define the step.

    Where several processes work together, they divide the batches; see ``training.data_parallel``.

    After every ``save_every`` steps or ``save_seconds``, everything that the next step depends on
    is saved to a checkpoint. On a CPU, a run that continues from there has bit for bit the same
    result as one that was never interrupted.

    Attributes
    ----------
    trains
        What is trained, for messages: ``the twin``, for example.
    terms
        The names of the weighted losses; the columns of ``history``.
    shown
        The terms that are shown with the progress.
    save_every, save_seconds
        The most steps, and about the most time, that an interruption loses.
    """

    trains: ClassVar[str]
    terms: ClassVar[tuple[str, ...]]
    shown: tuple[str, ...]
    save_every: ClassVar[int] = 100
    save_seconds: ClassVar[float] = 60.0

    def __init__(self) -> None:
        self._history: list[list[float]] = []

    @property
    @abstractmethod
    def state(self) -> TrainingState:
        """Everything that a step changes."""

    @abstractmethod
    def step(self, number: int) -> Mapping[str, float]:
        """Take step ``number``, counted from 0, and return the terms as they were before it.

        Terms that the step does not use may be left out. A `NotFiniteError` from ``descend`` may
        pass through: the loop turns it into a message for the user.
        """

    @property
    def history(self) -> Tensor:
        """``[steps so far, len(terms)]``, 0 for terms that a step left out."""
        return torch.tensor(self._history, dtype=torch.float64).reshape(-1, len(self.terms))

    def run(
        self,
        steps: int,
        *,
        remedy: str,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Tensor:
        """Take the steps that remain after the checkpoint.

        Parameters
        ----------
        steps
            The number of steps in all.
        remedy
            What the user should do if a loss is not finite.
        progress, checkpoint
            Receive the reports on the progress and the states.

        Returns
        -------
        Tensor
            The ``history``.

        Raises
        ------
        DataError
            If a loss, a gradient or a final weight is not finite, or the checkpoint belongs to
            another training.
        """
        stored = checkpoint.load()
        first = 0 if stored is None else self._resume(stored)
        saved, saved_at = first, time.monotonic()
        label = f"train {self.trains}" + (f", continued from step {first}" if first else "")
        with progress.task(label, steps) as advance, batches_divided():
            advance(first)
            for number in range(first, steps):
                losses, done = self._take(number, remedy), number + 1
                self._history.append([losses.get(name, 0.0) for name in self.terms])
                advance(1, " ".join(f"{name} {losses.get(name, 0.0):.3f}" for name in self.shown))
                late = time.monotonic() - saved_at >= self.save_seconds
                if done < steps and (late or done - saved >= self.save_every):
                    checkpoint.save(self._snapshot(done))
                    saved, saved_at = done, time.monotonic()
        self._check_weights(steps, remedy)
        return self.history

    def _take(self, number: int, remedy: str) -> Mapping[str, float]:
        try:
            losses = self.step(number)
            share_buffers(self.state.modules.values())
            _check_losses(losses)
        except NotFiniteError as error:
            if number == 0:
                remedy = (
                    "this was the first step, so look for values in the training data that are "
                    f"huge or not finite; if there are none, {remedy}"
                )
            raise self._breakdown(number + 1, str(error), remedy) from error
        return losses

    def _check_weights(self, steps: int, remedy: str) -> None:
        """Check the weights after the last step, because no loss is computed from them."""
        modules = self.state.modules.values()
        weights = [weight for module in modules for weight in module.parameters()]
        if not all(bool(torch.isfinite(weight).all()) for weight in weights):
            raise self._breakdown(steps, "a weight after it", remedy)

    def _breakdown(self, step: int, wrong: str, remedy: str) -> DataError:
        return DataError(
            f"the training of {self.trains} failed in step {step}: {wrong} is not finite; {remedy}"
        )

    def _snapshot(self, steps: int) -> Record:
        record = self.state.to_record(steps=steps)
        return replace(record, tensors={**record.tensors, "history": self.history})

    def _resume(self, record: Record) -> int:
        history = record.tensors.get("history")
        if history is None or history.shape[1:] != (len(self.terms),):
            raise DataError(f"the checkpoint does not belong to this training: {self.trains}")
        self.state.restore(record)
        self._history = history.tolist()
        return cast("int", record.meta["steps"])


def descend(
    optimizer: torch.optim.Optimizer,
    losses: Mapping[str, Tensor],
    *,
    steepest: float | None = None,
    keep_graph: bool = False,
) -> dict[str, float]:
    """Take one step of an optimizer on the sum of the losses.

    Only the optimizer's weights receive gradients, whatever else the losses depend on. Where
    several processes divide the batches, losses and gradients are the means over the processes.

    Parameters
    ----------
    optimizer
        The optimizer of the trained weights.
    losses
        One or more weighted scalars.
    steepest
        The norm to which longer gradients are clipped; ``None`` for no clipping.
    keep_graph
        Whether another optimizer will descend on something that was computed on the way.

    Returns
    -------
    dict
        The losses before the step.

    Raises
    ------
    NotFiniteError
        If a loss or the gradient is not finite. The weights are then unchanged.
    """
    optimizer.zero_grad()
    terms = torch.stack(list(losses.values()))
    groups = optimizer.param_groups
    weights = [weight for group in groups for weight in group["params"] if weight.requires_grad]
    terms.sum().backward(inputs=weights, retain_graph=keep_graph)
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    terms = terms.detach()
    average_over_processes([terms, *gradients])
    norm = get_total_norm(gradients)
    before = dict(zip(losses, terms.tolist(), strict=True))
    _check_losses(before)
    if not math.isfinite(norm.item()):
        raise NotFiniteError("the gradient")
    if steepest is not None:
        clip_grads_with_norm_(weights, steepest, norm)
    optimizer.step()
    return before


def _check_losses(losses: Mapping[str, float]) -> None:
    wrong = [name for name, loss in losses.items() if not math.isfinite(loss)]
    if wrong:
        raise NotFiniteError(", ".join(wrong))
