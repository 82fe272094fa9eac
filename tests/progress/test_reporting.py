from __future__ import annotations

import io
import logging
from typing import ClassVar

import pytest
from rich.console import Console

from causalxai.progress import SILENT, LogProgress
from causalxai.progress.bars import TerminalProgress, terminal_progress

LOGGER = logging.getLogger("causalxai.test")


class Chatty(LogProgress):
    seconds_between: ClassVar[float] = 0.0


class Quiet(LogProgress):
    seconds_between: ClassVar[float] = float("inf")


def log_of(progress: LogProgress, total: int | None, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.set_level(logging.INFO, logger=LOGGER.name)
    with progress.task("train", total) as advance:
        advance(2, "loss 0.5")
        advance(3)
    return caplog.messages


def test_a_library_call_is_silent(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    with SILENT.task("train", 3) as advance:
        advance(1)
        advance(2, "loss 0.5")
    assert caplog.messages == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("total", "of"), [(5, "/5"), (None, "")])
def test_the_log_tells_start_steps_and_end(
    total: int | None, of: str, caplog: pytest.LogCaptureFixture
):
    first, *steps, last = log_of(Chatty(LOGGER), total, caplog)
    assert first == "train"
    assert [step.rstrip() for step in steps] == [f"train: 2{of} loss 0.5", f"train: 5{of}"]
    assert last.startswith("train: done in ")


def test_the_log_tells_no_step_before_its_time(caplog: pytest.LogCaptureFixture):
    assert len(log_of(Quiet(LOGGER), 5, caplog)) == 2


def test_work_that_fails_is_not_said_to_be_done(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logger=LOGGER.name)
    with pytest.raises(RuntimeError, match="broken"), Quiet(LOGGER).task("train"):
        raise RuntimeError("broken")
    assert caplog.messages == ["train"]


def test_a_terminal_shows_a_bar():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with terminal_progress(console) as progress:
        assert isinstance(progress, TerminalProgress)
        with progress.task("train", 4) as advance:
            advance(3, "loss 0.5")
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "train" in shown
    assert "3/4" in shown
    assert "loss 0.5" in shown


def test_a_terminal_shows_labels_as_they_are():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with terminal_progress(console) as progress, progress.task("[/red] [bold]a", 1) as advance:
        advance(1, "[x, y]")
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[/red] [bold]a" in shown
    assert "[x, y]" in shown


def test_what_is_no_terminal_gets_lines():
    console = Console(file=io.StringIO(), force_terminal=False)
    with terminal_progress(console) as progress:
        assert isinstance(progress, LogProgress)
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]
