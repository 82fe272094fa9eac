from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from causalxai.process import discard_output, prepare_output, stopped_by_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_the_block_once(number: signal.Signals):
    # Tests that were started by nohup would ignore the signal.
    before = signal.signal(number, signal.SIG_DFL)
    cleaned_up = False
    try:
        with stopped_by_signals() as received:
            try:
                os.kill(os.getpid(), number)
            except KeyboardInterrupt:
                os.kill(os.getpid(), signal.SIGTERM)
                cleaned_up = True
        assert cleaned_up
        assert received == [number]
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals() as received:
            os.kill(os.getpid(), signal.SIGHUP)
        assert received == []
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_worker_ends_with_the_process_that_it_works_for():
    worker = (
        "import os, time; from causalxai.process import end_with_parent; "
        "end_with_parent(os.getppid()); print(os.getpid(), flush=True); time.sleep(60)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert int(process.stdout.readline()) != process.pid
    process.kill()
    # The worker holds the other end of the pipe until it ends.
    process.communicate(timeout=20)


def test_an_ascii_terminal_shows_escapes(monkeypatch: pytest.MonkeyPatch):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", None)
    prepare_output()
    sys.stdout.write("ä\udcff\n")
    sys.stderr.write("nobody reads this\n")
    sys.stdout.flush()
    assert shown.getvalue() == b"\\xe4\\udcff\n"


def test_discarded_output_is_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with (tmp_path / "out").open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        sys.stdout.write("too late")
        discard_output()
    assert (tmp_path / "out").read_text() == ""
