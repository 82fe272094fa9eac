from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from rich.table import Table

from causalxai.command_line.terminal import QUIET_VARIABLE, make_console, set_up_logging


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    """Take back what is done to the root's handlers."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.parametrize("quiet", [False, True])
def test_only_warnings_and_results_are_printed_if_it_is_to_be_quiet(
    quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv(QUIET_VARIABLE, "1" if quiet else "")
    console = set_up_logging()
    console.print("a remark")
    make_console().print("a result")
    logging.getLogger("causalxai.x").info("a step")
    logging.getLogger("causalxai.x").warning("a warning")
    out, err = capsys.readouterr()
    assert out == "a result\n"
    assert err == ("a warning\n" if quiet else "a remark\na step\na warning\n")


def test_names_that_look_like_markup_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]):
    console = make_console(width=80)
    console.print("[/red] [bold]a :smile:", highlight=False)
    table = Table("[head]", box=None)
    table.add_row("[/cell]")
    console.print(table)
    printed = capsys.readouterr().out.split()
    assert printed == ["[/red]", "[bold]a", ":smile:", "[head]", "[/cell]"]
