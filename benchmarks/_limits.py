"""Limits on the time of one call, and what to leave out after one that took too long."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Raise an error once the process has computed for so many seconds."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds:g} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds or 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def slow_before(
    cell: Mapping[str, object], lines: Sequence[Mapping[str, object]]
) -> dict[str, object] | None:
    """Return the line of a cell whose method took too long with fewer columns, if it did.

    Parameters
    ----------
    cell
        A ``scenario`` ``growth-D`` with its ``method``, ``on`` and ``n``; None for all others.
    lines
        Those of the cells before. A line is ``too_slow`` if its method was ended.
    """
    kind, _, columns = str(cell["scenario"]).partition("-")
    for line in lines:
        own, _, fewer = str(line["scenario"]).partition("-")
        same = all(line[key] == cell[key] for key in ("method", "on", "n"))
        if own == kind == "growth" and same and line.get("too_slow") and int(fewer) < int(columns):
            skipped = f"{line['skipped']} with {fewer} columns"
            return {**line, "scenario": cell["scenario"], "skipped": skipped, "too_slow": False}
    return None
