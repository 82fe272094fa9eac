"""The command line: it starts the commands, and handles all their errors."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from causalxai import __version__
from causalxai.command_line.commands import Commands
from causalxai.command_line.terminal import USER_MISTAKE, fail
from causalxai.errors import CausalxaiError, NotStoredError, SpecError
from causalxai.process import discard_output, prepare_output, stopped_by_signals
from causalxai.supervision import supervise

app = typer.Typer(
    name="causalxai",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Help in frames would load rich, which takes longer than all the rest.
    rich_markup_mode=None,
)

_INTERRUPTED = 130
# What shells add to the number of the signal that ends a command.
_BY_SIGNAL = 128


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"causalxai {__version__}")
        raise typer.Exit


@app.callback()
def _application(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """Causal explanations of trained image classifiers."""


def main() -> None:
    """Run the command line; errors are shown in one line, and with ``--debug`` with a traceback."""
    # Idle threads that spin make a busy machine ten times slower. The variable is read when torch
    # is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    prepare_output()
    if sys.argv[1:] in (["--help"], ["--version"]):
        # It imports no plugin, so that nothing can end the process but the command itself.
        _command()
    else:
        supervise(_command)


def _command() -> None:
    with stopped_by_signals() as signals:
        try:
            _app_with_errors_in_words()
        except SystemExit as stop:
            _end(stop, signals)


def _app_with_errors_in_words() -> None:
    try:
        app()
    except SpecError as error:
        count = len(error.problems)
        fail(f"{error}\n{count} {'mistake' if count == 1 else 'mistakes'}", USER_MISTAKE)
    except NotStoredError as error:
        fail(str(error), USER_MISTAKE)
    except CausalxaiError as error:
        fail(str(error), 1)
    except OSError as error:
        discard_output()
        name = error.filename
        where = "standard output, or a file" if name is None else os.fsdecode(name)
        fail(f"{where}: {error.strerror or error}", 1)
    except Exception as error:
        import traceback

        at = traceback.extract_tb(error.__traceback__)[-1]
        what = " ".join(f"{type(error).__name__}: {error}".split())
        fail(
            f"an error of causalxai, or of what a plugin changed in it: {what} "
            f"({Path(at.filename).name}:{at.lineno}; --debug shows the traceback)",
            1,
        )


def _end(stop: SystemExit, signals: list[int]) -> NoReturn:
    """Write what is left of the output, and exit."""
    # typer turns Ctrl-C into a silent exit. A library that is interrupted while it ends its workers
    # may swallow the interruption, so that the work seems to have failed by itself.
    if stop.code == _INTERRUPTED or signals:
        by = f" by {signal.Signals(signals[0]).name}" if signals else ""
        code = _BY_SIGNAL + signals[0] if signals else _INTERRUPTED
        fail(f"interrupted{by}; run the command again, without --fresh, to continue", code)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # As in: causalxai plugins | head -1
        discard_output()
        raise SystemExit(_BY_SIGNAL + signal.SIGPIPE) from None
    except OSError as error:
        discard_output()
        fail(f"standard output cannot be written: {error.strerror}", 1)
    raise stop
