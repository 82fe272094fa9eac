"""Children that end early are noticed, and what ended them is told."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from causalxai import supervision
from causalxai.supervision import EndedError, apart, note_call

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are used on Linux alone")


def ending(how: Callable[[], object]) -> Callable[[], object]:
    def work() -> object:
        note_call("'x' (metrics) of y 1.0, in the score")
        return how()

    return work


def test_a_child_does_not_search_its_parents_objects_for_cycles():
    mine = [object()]
    assert apart(lambda: all(each is not mine for each in gc.get_objects()))
    assert any(each is mine for each in gc.get_objects())


def test_the_answer_of_a_child_is_returned_and_its_state_is_gone():
    changed: list[int] = []

    def work() -> tuple[int, list[int]]:
        changed.append(1)
        torch.set_default_dtype(torch.float64)
        return os.getpid(), changed

    process, found = apart(work)
    assert found == [1]
    assert changed == []
    assert process != os.getpid()
    assert torch.get_default_dtype() is torch.float32


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (lambda: os._exit(0), "was ended with code 0, as by os._exit"),
        (lambda: os._exit(3), "was ended with code 3, as by os._exit"),
        (lambda: os.kill(os.getpid(), signal.SIGUSR1), "was ended by SIGUSR1"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "was killed, perhaps for lack of memory"),
    ],
)
def test_a_child_without_an_answer_is_told(how: Callable[[], object], told: str):
    match = rf"^'x' \(metrics\) of y 1\.0, in the score: the process {told}$"
    with pytest.raises(EndedError, match=match):
        apart(ending(how))
    assert supervision._notes == []


def test_an_interrupted_child_interrupts():
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apart(interrupted)


def test_a_child_computes_with_several_threads_after_its_parent_did():
    torch.set_num_threads(2)
    images = torch.rand(600, 600)
    expected = images @ images

    def work() -> float:
        torch.set_num_threads(2)
        return float((images @ images - expected).abs().max())

    assert apart(work, own_thread=True) < 1e-3


COMMAND = """
import os, signal, sys, time
from causalxai.supervision import note_call, supervise

def command():
    note_call("the part")
    {body}

supervise(command)
sys.stdout.write("after\\n")
"""


def started(body: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(body=body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts background jobs with SIGINT ignored, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("sys.exit(0)", 0, ""),
        ("sys.exit(2)", 2, ""),
        ("sys.exit(130)", 130, ""),
        ("os._exit(0)", 1, "the part: the process was ended with code 0, as by os._exit\n"),
        ("os.abort()", 1, "the part: the process was ended by SIGABRT\n"),
    ],
)
def test_a_command_ends_as_its_child_does_unless_that_was_ended(body: str, code: int, told: str):
    process = started(body)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "", told)


def test_a_command_that_returns_goes_on_once():
    process = started("pass")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "after\n", "")


WAITING = """
    from pathlib import Path
    try:
        Path({file!r}).write_text(str(os.getpid()))
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def waiting(tmp_path: Path) -> tuple[subprocess.Popen[str], int]:
    """Start a command that waits, and return it with the process id of its child."""
    file = tmp_path / "child"
    process = started(WAITING.format(file=str(file)))
    while not file.exists() or not file.read_text():
        assert process.poll() is None
        time.sleep(0.02)
    return process, int(file.read_text())


def test_signals_are_passed_on(tmp_path: Path):
    process, child = waiting(tmp_path)
    assert child != process.pid
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_a_child_that_a_passed_on_signal_ends_is_no_fault(tmp_path: Path):
    process, _ = waiting(tmp_path)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + signal.SIGTERM, "")


def test_a_child_does_not_outlive_its_parent(tmp_path: Path):
    process, child = waiting(tmp_path)
    process.kill()
    process.communicate(timeout=60)
    end = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and time.monotonic() < end:
        state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":
            break
        time.sleep(0.02)
    assert time.monotonic() < end
