"""Commands are called in this process, and leave its logging as it was."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from causalxai.command_line import remembered


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Put the handlers back that a command replaces by its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def settled_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember answers in a folder of the test, as if code had not changed for long."""
    monkeypatch.delenv(remembered.SWITCHED_OFF)
    monkeypatch.setattr(remembered, "_folder", lambda: tmp_path / "answers")
    monkeypatch.setattr(remembered, "_code", lambda: iter(()))
