"""Supervision: work in a child process, so that its end is noticed, however it comes.

A plugin, or a library that it uses, may end its process: by ``os._exit``, by a fault in compiled
code, or because the system runs out of memory. No handler of exceptions can notice that; the parent
of the process can.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import mmap
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn, TypeVar

Value = TypeVar("Value")

_INTERRUPTED = 130
_SIZE, _HEAD = 4096, 8
PATIENCE = 10.0
"""The seconds that an interrupted child has to clean up."""
_BETWEEN_LOOKS = 0.02
_SET_PARENT_DEATH_SIGNAL = 1
_PASSED_ON = {
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
}


DEBUG_VARIABLE = "CAUSALXAI_DEBUG"
"""The environment variable that asks for tracebacks."""


def debugging() -> bool:
    """Return whether errors are shown with tracebacks."""
    return bool(os.environ.get(DEBUG_VARIABLE))


class EndedError(Exception):
    """A child process ended without an answer; the message says how, and during which call."""


class _Note:
    """A note that a child writes and its parent reads after the child has ended."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)

    def write(self, text: str) -> None:
        content = text.encode(errors="replace")[: _SIZE - _HEAD]
        self._memory[_HEAD : _HEAD + len(content)] = content
        self._memory[4:_HEAD] = len(content).to_bytes(4, "little")

    def finish(self) -> None:
        self._memory[0] = 1

    @property
    def finished(self) -> bool:
        return bool(self._memory[0])

    @property
    def text(self) -> str:
        length = int.from_bytes(self._memory[4:_HEAD], "little")
        return self._memory[_HEAD : _HEAD + length].decode(errors="replace")


_notes: list[_Note] = []
_forking = threading.Lock()
"""Held while a child forks off and while its answer is read: both import modules, and a child that
forks off while another thread imports one could never import it."""
_ending = threading.Lock()
"""Held while the end of a child is taken note of, so that no signal is sent to its successor."""
_working: set[int] = set()
"""The children that are working now, of all threads."""


def note_call(call: str) -> None:
    """Note what this process is doing, so that its parent can tell if it ends meanwhile."""
    for note in _notes:
        note.write(call)


def supervise(command: Callable[[], None]) -> None:
    """Run a command in a child process, and end this process as the child ends.

    If the child ends before the command does, this process writes one line to standard error and
    ends with code 1. Signals are passed on; a child that one of them ends is no fault, and the code
    is 128 plus the signal's number. Where processes cannot fork, or torch is loaded, so
    that the process belongs to somebody else's program, the command runs in this process.

    Parameters
    ----------
    command
        Ends by raising ``SystemExit``, or by returning.
    """
    if not hasattr(os, "fork") or "torch" in sys.modules or threading.active_count() > 1:
        command()
        return
    note = _Note()
    # A signal that comes before it can be passed on would be lost.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    child = os.fork()
    if child == 0:
        _begin(note)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            command()
        finally:
            note.finish()
        return
    passed_on = _pass_signals_on(child)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if -code in passed_on:
        # It came when the child no longer handled it, on its way out.
        code = 128 - code
    elif not note.finished or code < 0:
        sys.stderr.write(_in_words(code, note.text) + "\n")
        sys.stderr.flush()
        code = 1
    # What was to be done at the exit is done by the child.
    os._exit(code)


def apart(work: Callable[[], Value], *, own_thread: bool = False) -> Value:
    """Return what ``work`` returns in a child process, whose state dies with it.

    Only Linux has children that are safe here; elsewhere ``work`` is done in this process.

    Parameters
    ----------
    work
        Returns something that can be pickled, and raises nothing.
    own_thread
        Whether the child works in a thread of its own. It must if it computes with several threads,
        because those of OpenMP don't survive a fork.

    Raises
    ------
    EndedError
        If the child ended before the work did.
    KeyboardInterrupt
        If this process or the child was interrupted.
    """
    if sys.platform != "linux":
        return work()
    note = _Note()
    with tempfile.TemporaryFile() as answer:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
        with _forking:
            child = os.fork()
            if child:
                _working.add(child)
        if child == 0:
            _working.clear()
            _answer(work, note, answer.fileno(), before, own_thread=own_thread)
        code = _wait_or_stop(child, before)
        if code == _INTERRUPTED and not note.finished:
            raise KeyboardInterrupt
        if not note.finished:
            raise EndedError(_in_words(code, note.text))
        answer.seek(0)
        with _forking:
            found: Value = pickle.load(answer)  # noqa: S301 - written by the child just now
        return found


def signal_children(number: int) -> None:
    """Send a signal to the children in which threads of this process have work done now.

    A signal to this process interrupts its main thread alone, which then calls this.
    """
    with _forking, _ending:
        for child in _working:
            os.kill(child, number)


def _begin(note: _Note) -> None:
    """Let this process, a child, end with its parent, and be interrupted once at most."""
    _notes[:] = [note]
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _answer(
    work: Callable[[], object],
    note: _Note,
    file: int,
    unblocked: set[int | signal.Signals],
    *,
    own_thread: bool,
) -> NoReturn:
    """Work, write the answer and end this process."""
    code = 1
    try:
        _begin(note)
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        # A search of the parent's objects for cycles would take time, and copy their memory.
        gc.freeze()
        # Handlers of the parent may wait for locks that its other threads held when it forked.
        sys.stdout, sys.stderr = sys.__stdout__ or sys.stdout, sys.__stderr__ or sys.stderr
        _replace_log_handlers()
        found = pickle.dumps(_in_own_thread(work) if own_thread else work())
        with os.fdopen(file, "wb", closefd=False) as answer:
            answer.write(found)
        note.finish()
        code = 0
    except KeyboardInterrupt:
        code = _INTERRUPTED
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _replace_log_handlers() -> None:
    for handler in logging.root.handlers[:]:
        logging.root.removeHandler(handler)
    if debugging():
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(lambda record: record.name.startswith("causalxai"))
        logging.basicConfig(level=logging.DEBUG, format="%(message)s", handlers=[handler])


def _in_own_thread(work: Callable[[], object]) -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        identity = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(KeyboardInterrupt))
        thread.join(PATIENCE)
        raise
    return found[0]


def _pass_signals_on(child: int) -> list[int]:
    """Let the signals that interrupt this process interrupt a child instead, and return those."""
    passed_on: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        passed_on.append(number)
        with suppress(ProcessLookupError):
            os.kill(child, number)

    for number in _PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    return passed_on


def _wait_or_stop(child: int, unblocked: set[int | signal.Signals]) -> int:
    """Return the exit code of a child; if this process is interrupted, end the child first."""
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        # The child stays a zombie until _ended, so that its number is not given to another process.
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    except BaseException:
        os.kill(child, signal.SIGINT)
        end = time.monotonic() + PATIENCE
        while os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
                break
            time.sleep(_BETWEEN_LOOKS)
        _ended(child)
        raise
    return _ended(child)


def _ended(child: int) -> int:
    """Take note of the end of a child, and return its exit code."""
    with _ending:
        _working.discard(child)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _in_words(code: int, call: str) -> str:
    if code == -signal.SIGKILL:
        how = "was killed, perhaps for lack of memory"
    elif code < 0:
        how = f"was ended by {signal.Signals(-code).name}"
    else:
        how = f"was ended with code {code}, as by os._exit"
    return f"{call}: the process {how}" if call else f"the process {how}"
