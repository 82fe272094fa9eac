"""Progress bars at a terminal, and plain lines in the log elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as rich_progress
from rich.console import Console

from causalxai.progress import Advance, LogProgress, Progress

_logger = logging.getLogger(__name__)


class TerminalProgress(Progress):
    """Shows a live bar for each task."""

    def __init__(self, display: rich_progress.Progress) -> None:
        self._display = display

    def _task(self, label: str, total: int | None) -> Iterator[Advance]:
        task = self._display.add_task(label, total=total, note="")

        def advance(steps: int, note: str = "") -> None:
            self._display.update(task, advance=steps, note=note)

        try:
            yield advance
        finally:
            self._display.stop_task(task)


@contextmanager
def terminal_progress(console: Console) -> Iterator[Progress]:
    """Yield live bars if ``console`` is a terminal, and lines in the log otherwise."""
    if not console.is_terminal:
        yield LogProgress(_logger)
        return
    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TextColumn("{task.fields[note]}", markup=False),
    )
    with rich_progress.Progress(*columns, console=console) as display:
        yield TerminalProgress(display)
