from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

from rich.console import Console

from causalxai import Comparison
from causalxai.comparison.terminal import terminal_table


def shown_in_terminal(comparison: Comparison) -> str:
    console = Console(width=160, record=True, file=StringIO())
    console.print(terminal_table(comparison))
    return console.export_text()


def test_the_terminal_shows_what_the_page_shows(done: Comparison, compared: Callable[..., Any]):
    shown = shown_in_terminal(done)
    assert "chance 0." in shown and "control: zero 1." in shown
    assert "no explanation today" in shown
    values = {"a": 0.2, "b": 0.4, "long": None, "control": 0.25}
    marked = compared(values, translated=True)
    shown = shown_in_terminal(marked)
    assert "0.400 ★◇ [" in shown and "◇ translated" in shown
    assert "none (1)" in shown and "(1) a reason that is far too long" in shown
    assert "no better than control" in shown
