"""The loop of a training: it goes on where a killed run stopped, and breaks down in words."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, cast

import torch
from torch import Tensor

from causalxai.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.errors import DataError
from causalxai.progress import SILENT, Progress
from causalxai.record import Record
from causalxai.training_state import TrainingState


class StepwiseTraining(ABC):
    """A training of some hundred or thousand steps; subclasses say what a step is.

    After every ``save_every`` steps all that the next one depends on goes to a checkpoint. A run
    that goes on from there ends, on a CPU, with the bytes of one that was never interrupted.

    Attributes
    ----------
    trains
        What is trained, as messages call it: ``the twin``.
    terms
        The losses, weighted; the columns of ``history``.
    shown
        The terms that progress tells.
    save_every
        How many steps are lost at most.
    """

    trains: ClassVar[str]
    terms: ClassVar[tuple[str, ...]]
    shown: ClassVar[tuple[str, ...]]
    save_every: ClassVar[int] = 100

    def __init__(self) -> None:
        self._history: list[list[float]] = []

    @property
    @abstractmethod
    def state(self) -> TrainingState:
        """All that a step changes."""

    @abstractmethod
    def step(self, number: int) -> Mapping[str, float]:
        """Descend once, for the ``number``-th time from 0; return the terms before it.

        Terms that the step has no use for may be left out.
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
            If a loss is not finite, or the checkpoint is one of another training.
        """
        stored = checkpoint.load()
        first = 0 if stored is None else self._resume(stored)
        with progress.task(f"train {self.trains}", steps) as advance:
            advance(first)
            for number in range(first, steps):
                losses, done = self.step(number), number + 1
                wrong = [name for name, loss in losses.items() if not math.isfinite(loss)]
                if wrong:
                    raise DataError(
                        f"the training of {self.trains} broke down in step {done}: "
                        f"{', '.join(wrong)} is not finite; {remedy}"
                    )
                self._history.append([losses.get(name, 0.0) for name in self.terms])
                advance(1, " ".join(f"{name} {losses.get(name, 0.0):.3f}" for name in self.shown))
                if done % self.save_every == 0 and done < steps:
                    checkpoint.save(self._snapshot(done))
        return self.history

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
