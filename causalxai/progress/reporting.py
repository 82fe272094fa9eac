"""Progress as an interface, so that a library call is silent and a command is not."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Protocol


class Advance(Protocol):
    """Tell that ``steps`` more steps are done, with a short note such as the current loss."""

    def __call__(self, steps: int, note: str = "") -> None:
        """Advance."""


class Progress(ABC):
    """Shows how far long work has come."""

    @abstractmethod
    def _task(self, label: str, total: int | None) -> Iterator[Advance]: ...

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Advance]:
        """Show one piece of work; yields the function that advances it.

        Parameters
        ----------
        label
            What is being done.
        total
            The number of steps, or ``None`` where it cannot be known.
        """
        yield from self._task(label, total)


def _ignore(steps: int, note: str = "") -> None:
    """Advance nothing."""


class SilentProgress(Progress):
    """Shows nothing: what library calls use unless told otherwise."""

    def _task(self, label: str, total: int | None) -> Iterator[Advance]:  # noqa: ARG002
        yield _ignore


class LogProgress(Progress):
    """Writes a plain line at the start, at the end and every few seconds between."""

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
