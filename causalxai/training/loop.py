"""The loop of a training: it goes on where a killed run stopped, and breaks down in words."""

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
from causalxai.training.state import TrainingState


class NotFiniteError(ArithmeticError):
    """Raised by a step that can't be taken; the message names what is not finite."""


class StepwiseTraining(ABC):
    """A training of some hundred or thousand steps; subclasses say what a step is.

    After every ``save_every`` steps or ``save_seconds``, all that the next step depends on goes to
    a checkpoint. A run that goes on from there ends, on a CPU, with the bytes of one that was never
    interrupted.

    Attributes
    ----------
    trains
        What is trained, as messages call it: ``the twin``.
    terms
        The losses, weighted; the columns of ``history``.
    shown
        The terms that progress tells.
    save_every, save_seconds
        How many steps, and about how much time, are lost at most.
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
        """All that a step changes."""

    @abstractmethod
    def step(self, number: int) -> Mapping[str, float]:
        """Descend once, for the ``number``-th time from 0; return the terms before it.

        Terms that the step has no use for may be left out. Where ``descend`` raises
        `NotFiniteError`, the training ends in words.
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
        """Take all steps that the checkpoint has not taken yet.

        Parameters
        ----------
        steps
            How many in all.
        remedy
            What the user should do if a loss is not finite.
        progress, checkpoint
            Where progress and states go.

        Returns
        -------
        Tensor
            The ``history``.

        Raises
        ------
        DataError
            If a loss, a gradient or a weight in the end is not finite, or the checkpoint is one of
            another training.
        """
        stored = checkpoint.load()
        first = 0 if stored is None else self._resume(stored)
        saved, saved_at = first, time.monotonic()
        label = f"train {self.trains}" + (f", on from step {first}" if first else "")
        with progress.task(label, steps) as advance:
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
            _check_losses(losses)
        except NotFiniteError as error:
            if number == 0:
                remedy = (
                    "nothing had been learned before it: look for values that are huge or not "
                    f"finite in what it learns from; if there are none, {remedy}"
                )
            raise self._breakdown(number + 1, str(error), remedy) from error
        return losses

    def _check_weights(self, steps: int, remedy: str) -> None:
        """Look at what the last step has left: no loss is computed from it."""
        modules = self.state.modules.values()
        weights = [weight for module in modules for weight in module.parameters()]
        if not all(bool(torch.isfinite(weight).all()) for weight in weights):
            raise self._breakdown(steps, "a weight that it left", remedy)

    def _breakdown(self, step: int, wrong: str, remedy: str) -> DataError:
        return DataError(
            f"the training of {self.trains} broke down in step {step}: "
            f"{wrong} is not finite; {remedy}"
        )

    def _snapshot(self, steps: int) -> Record:
        record = self.state.to_record(steps=steps)
        return replace(record, tensors={**record.tensors, "history": self.history})

    def _resume(self, record: Record) -> int:
        history = record.tensors.get("history")
        if history is None or history.shape[1:] != (len(self.terms),):
            raise DataError(f"the checkpoint is not one of this training: {self.trains}")
        self.state.restore(record)
        self._history = history.tolist()
        return cast("int", record.meta["steps"])


def descend(
    optimizer: torch.optim.Optimizer,
    losses: Mapping[str, Tensor],
    *,
    steepest: float | None = None,
) -> dict[str, float]:
    """Let an optimizer take one step down the sum of the losses.

    Parameters
    ----------
    optimizer
        Of the weights that learn.
    losses
        Scalars, weighted; one or more.
    steepest
        The norm that a longer gradient is cut to; ``None`` for any.

    Returns
    -------
    dict
        The losses before the step.

    Raises
    ------
    NotFiniteError
        If a loss or the gradient is not finite. The weights are as they were.
    """
    optimizer.zero_grad()
    torch.stack(list(losses.values())).sum().backward()
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    norm = get_total_norm([weight.grad for weight in weights if weight.grad is not None])
    before = {name: loss.item() for name, loss in losses.items()}
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
