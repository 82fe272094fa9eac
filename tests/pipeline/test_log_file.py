from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from causalxai import run
from causalxai.errors import DataError
from causalxai.pipeline.log_file import logged_to

OURS = logging.getLogger("causalxai.log_file_test")
PLUGINS = logging.getLogger("causalxai_someone.part")
STRANGER = logging.getLogger("stranger")


class Seen(logging.Handler):
    """Remembers messages."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture
def application() -> Iterator[Seen]:
    """An application that has set up its log and left the level alone."""
    root, seen = logging.getLogger(), Seen()
    level = root.level
    root.addHandler(seen)
    root.setLevel(logging.WARNING)
    yield seen
    root.setLevel(level)
    root.removeHandler(seen)


def speak() -> None:
    for logger in (OURS, PLUGINS, STRANGER):
        logger.debug("detail")
        logger.info("info of %s", logger.name)
        logger.warning("warning of %s", logger.name)


def test_the_file_gets_more_than_the_application(application: Seen, tmp_path: Path):
    speak()
    before = application.messages.copy()
    application.messages.clear()
    with logged_to(tmp_path / "log.txt"):
        speak()
    assert application.messages == before
    assert len(before) == 3
    lines = (tmp_path / "log.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "causalxai.log_file_test INFO info of causalxai.log_file_test",
        "causalxai.log_file_test WARNING warning of causalxai.log_file_test",
        "causalxai_someone.part INFO info of causalxai_someone.part",
        "causalxai_someone.part WARNING warning of causalxai_someone.part",
    ]


@pytest.mark.parametrize("name", ["causalxai", "causalxai.log_file_test"])
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.ERROR])
def test_levels_that_the_application_sets_hold(
    name: str, level: int, application: Seen, tmp_path: Path
):
    logging.getLogger(name).setLevel(level)
    try:
        speak()
        before = application.messages.copy()
        application.messages.clear()
        with logged_to(tmp_path / "log.txt"):
            speak()
    finally:
        logging.getLogger(name).setLevel(logging.NOTSET)
    assert application.messages == before


def test_handlers_of_our_loggers_get_what_they_got(application: Seen, tmp_path: Path):
    own, ours = Seen(), logging.getLogger("causalxai")
    ours.addHandler(own)
    try:
        with logged_to(tmp_path / "log.txt"):
            speak()
    finally:
        ours.removeHandler(own)
    assert own.messages == ["warning of causalxai.log_file_test"]
    assert "warning of causalxai.log_file_test" in application.messages


def test_everything_is_as_it_was_afterwards(application: Seen, tmp_path: Path):
    ours = logging.getLogger("causalxai")
    before = ours.level, ours.handlers, ours.propagate
    with pytest.raises(KeyboardInterrupt), logged_to(tmp_path / "log.txt"):
        raise KeyboardInterrupt
    assert (ours.level, ours.handlers, ours.propagate) == before
    speak()
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == ""


def test_what_the_log_tells_is_also_kept(
    finished_copy: Path, tiny_spec: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    handlers = list(logging.getLogger().handlers)
    with caplog.at_level(logging.INFO):
        again = run(tiny_spec, out=finished_copy)
        logging.getLogger("other").info("none of ours")
    log = (again.directory / "log.txt").read_text(encoding="utf-8")
    assert "causalxai.pipeline.execution INFO run tiny on cpu" in log
    assert "report: reused" in log
    assert "none of ours" not in log
    assert logging.getLogger().handlers == handlers


def test_a_log_that_cannot_be_written_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def full(_: logging.StreamHandler[Any]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "log.txt"
    with (
        pytest.raises(DataError, match=r"/log.txt: cannot be written: No space left on device$"),
        logged_to(path),
    ):
        monkeypatch.setattr(logging.StreamHandler, "flush", full)
        OURS.info("one")
        OURS.info("two")
    assert capsys.readouterr().err == ""
    with (
        pytest.raises(DataError, match="cannot be written: Not a directory"),
        logged_to(path / "x"),
    ):
        pass
