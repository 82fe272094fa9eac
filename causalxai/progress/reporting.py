"""The interface for progress reports: library calls are silent, commands show bars or lines."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Protocol


class Advance(Protocol):
    """Reports that ``steps`` more steps are done, with a short note such as the current loss."""

    def __call__(self, steps: int, note: str = "") -> None:
        """Report the steps."""


class Progress(ABC):
    """Shows the progress of long computations."""

    @abstractmethod
    def _task(self, label: str, total: int | None) -> Iterator[Advance]: ...

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Advance]:
        """Show one task, and yield the function that reports its steps.

        Parameters
        ----------
        label
            A description of the task.
        total
            The number of steps, or ``None`` if it is unknown.
        """
        yield from self._task(label, total)


def _ignore(steps: int, note: str = "") -> None:
    """Ignore the report."""


class SilentProgress(Progress):
    """Shows nothing; the default of library calls."""

    def _task(self, label: str, total: int | None) -> Iterator[Advance]:  # noqa: ARG002
        yield _ignore


class LogProgress(Progress):
    """Logs a line at the start, at the end and every few seconds in between."""

    seconds_between: ClassVar[float] = 10.0

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def _task(self, label: str, total: int | None) -> Iterator[Advance]:
        self._logger.info("%s", label)
        started = last = time.monotonic()
        done = 0

        def advance(steps: int, note: str = "") -> None:
            nonlocal done, last
            done += steps
            now = time.monotonic()
            if now - last >= self.seconds_between:
                last = now
                of_total = f"{done}/{total}" if total is not None else str(done)
                self._logger.info("%s: %s %s", label, of_total, note)

        yield advance
        self._logger.info("%s: done in %.1f s", label, time.monotonic() - started)


SILENT = SilentProgress()
"""Tells nobody."""
