"""What a process does when it or its parent is ended, and with output that it cannot write."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

# Seconds.
_BETWEEN_LOOKS = 0.5


@contextmanager
def stopped_by_signals() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt in the block, as Ctrl-C does.

    Temporary files are then deleted and workers ended on the way out. Further signals do not
    interrupt that. A signal that is ignored, as under ``nohup``, stays ignored.

    Yields
    ------
    list
        The signal that was received, if any.
    """
    received: list[int] = []
    usual = [
        number
        for number in (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP"))
        if number is not None and signal.getsignal(number) is signal.SIG_DFL
    ]

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in usual:
            signal.signal(each, signal.SIG_IGN)
        received.append(number)
        raise KeyboardInterrupt

    for number in usual:
        signal.signal(number, stop)
    try:
        yield received
    finally:
        for number in usual:
            signal.signal(number, signal.SIG_DFL)


def end_with_parent(parent: int) -> None:
    """End this process soon after its parent, which may be killed without a chance to say so.

    Parameters
    ----------
    parent
        The process that started this one.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_BETWEEN_LOOKS)
        # What was being written is deleted by the next process that needs it.
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def prepare_output() -> None:
    """Make standard output and error take any text: on an ASCII terminal, and where closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Send what is still unwritten on standard output nowhere, so that nothing reports it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # A stream that stands for standard output, as in tests, may have no file.
    with suppress(io.UnsupportedOperation):
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
