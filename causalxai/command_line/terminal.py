"""What commands write to: consoles, and the log on standard error."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from causalxai.supervision import debugging

if TYPE_CHECKING:
    from rich.console import Console


USER_MISTAKE = 2
"""The exit code where the arguments or a spec are wrong."""
QUIET_VARIABLE = "CAUSALXAI_QUIET"
"""The environment variable that asks for results, warnings and errors alone."""


def make_console(*, width: int | None = None, stderr: bool = False) -> Console:
    """Return a console that shows every text as it is; names of users may look like markup.

    Parameters
    ----------
    width
        In characters; by default that of the terminal.
    stderr
        Whether it writes to standard error. It then prints nothing under ``--quiet``.
    """
    from rich.console import Console

    quiet = stderr and _is_quiet()
    return Console(width=width, stderr=stderr, markup=False, emoji=False, quiet=quiet)


def set_up_logging() -> Console:
    """Send the log to standard error, because standard output is for results."""
    from rich.logging import RichHandler

    console = make_console(stderr=True)
    plain = logging.StreamHandler(sys.stderr)
    rich = RichHandler(console=console, show_time=False, show_path=False, show_level=False)
    # A quiet console prints no warnings either.
    handler = rich if console.is_terminal and not console.quiet else plain
    handler.addFilter(lambda record: record.name.startswith("causalxai"))
    usual = logging.WARNING if _is_quiet() else logging.INFO
    level = logging.DEBUG if debugging() else usual
    logging.basicConfig(level=level, format="%(message)s", handlers=[handler], force=True)
    return console


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message on standard error; before it a traceback, if one is wanted.

    Parameters
    ----------
    message
        What is wrong, in words.
    code
        The exit code.
    """
    if debugging() and sys.exception() is not None:
        import traceback

        traceback.print_exc()
    sys.stderr.write(message + "\n")
    raise SystemExit(code)


def _is_quiet() -> bool:
    return bool(os.environ.get(QUIET_VARIABLE))
