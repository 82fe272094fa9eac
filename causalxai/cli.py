"""The command line: run, compare, layers, report, demo, and the handling of all errors."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from causalxai.command_line.options import (
    AsJson,
    Debug,
    Out,
    Overrides,
    Quiet,
    SharedStore,
    SpecFile,
    TrustCode,
)
from causalxai.command_line.registration import add_commands
from causalxai.command_line.shipped import shipped_specs, spec_file
from causalxai.command_line.terminal import make_console, set_up_logging
from causalxai.errors import CausalxaiError, NotStoredError, SpecError
from causalxai.process import discard_output, prepare_output, stopped_by_signals
from causalxai.supervision import debugging, supervise

app = typer.Typer(
    name="causalxai",
    help="Causal explanations of trained image classifiers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Help in frames would load rich, which takes longer than all the rest.
    rich_markup_mode=None,
)

_USER_MISTAKE = 2
_INTERRUPTED = 130
# What shells add to the number of the signal that ends a command.
_BY_SIGNAL = 128


def main() -> None:
    """Run the command line; errors are shown in one line, and with ``--debug`` with a traceback."""
    # Idle threads that spin make a busy machine ten times slower. The variable is read when torch
    # is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    prepare_output()
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
        _fail(f"{error}\n{count} {'mistake' if count == 1 else 'mistakes'}", _USER_MISTAKE)
    except NotStoredError as error:
        _fail(str(error), _USER_MISTAKE)
    except CausalxaiError as error:
        _fail(str(error), 1)
    except OSError as error:
        discard_output()
        name = error.filename
        where = "standard output, or a file" if name is None else os.fsdecode(name)
        _fail(f"{where}: {error.strerror or error}", 1)
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        what = " ".join(f"{type(error).__name__}: {error}".split())
        _fail(
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
        _fail(f"interrupted{by}; run the command again, without --fresh, to continue", code)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # As in: causalxai plugins | head -1
        discard_output()
        raise SystemExit(_BY_SIGNAL + signal.SIGPIPE) from None
    except OSError as error:
        discard_output()
        _fail(f"standard output cannot be written: {error.strerror}", 1)
    raise stop


@app.command("run")
def run_command(
    spec: SpecFile,
    overrides: Overrides = None,
    out: Out = Path("runs"),
    store: SharedStore = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="CPU threads; by default the cores that the process may use."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Do not reuse results of earlier runs.")
    ] = False,
    as_json: AsJson = False,
    trust_code: TrustCode = False,
    quiet: Quiet = False,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001 - its callback has done what it asks for
) -> None:
    """Run a spec and write its report."""
    console = set_up_logging()
    import joblib
    import torch

    from causalxai.pipeline import run
    from causalxai.pipeline.launched import launched, run_launched
    from causalxai.progress.bars import terminal_progress

    # PyTorch counts all cores, also in a container that may use only some of them.
    torch.set_num_threads(threads or min(torch.get_num_threads(), joblib.cpu_count()))
    with terminal_progress(console) as progress:
        finished = (run_launched if launched() else run)(
            spec_file(spec),
            overrides=overrides or (),
            out=out,
            store=store,
            progress=progress,
            fresh="everything" if fresh else "nothing",
            trust_code=trust_code,
        )
    if finished is None:
        return
    summary = finished.summary()
    if as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        if summary["reused"]:
            console.print(f"reused: {', '.join(summary['reused'])}")
        for name, figure in summary["concepts"].items():
            console.print(f"{name}: {_figure(figure)}", highlight=False)
        for name, brief in summary["metrics"].items():
            console.print(_score_line(name, brief), highlight=False)
        sys.stdout.write(f"{finished.report}\n")
    failed = [name for name, brief in summary["metrics"].items() if brief["status"] == "failed"]
    if failed:
        _fail(f"metrics that failed: {', '.join(failed)}", 1)


@app.command("compare")
def compare_command(
    specs: Annotated[
        list[Path],
        typer.Argument(
            metavar="SPEC...",
            help="A YAML spec with 'vary', or several specs to compare with one another; "
            "shipped ones by name.",
            show_default=False,
        ),
    ],
    overrides: Overrides = None,
    out: Out = Path("runs"),
    store: SharedStore = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Jobs at a time; by default the number of cores divided by --threads."
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of each job.")] = 1,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="loky|threading|dask|ray",
            help="Where jobs are done: on this machine (threading forks off this process), or on "
            "a cluster, whose machines share --out or --store.",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="The cluster's scheduler, for --backend dask or ray."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the results of earlier runs first.")
    ] = False,
    sanity: Annotated[
        bool,
        typer.Option(
            "--sanity", help="Also check that explanations change when weights are randomised."
        ),
    ] = False,
    as_json: AsJson = False,
    trust_code: TrustCode = False,
    quiet: Quiet = False,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001 - its callback has done what it asks for
) -> None:
    """Run a grid of specs and write their comparison."""
    console = set_up_logging()
    from causalxai.comparison import compare
    from causalxai.comparison.terminal import terminal_table
    from causalxai.pipeline.launched import launched
    from causalxai.progress.bars import terminal_progress

    if launched():
        _fail("compare: a launcher of several processes is for run; use --jobs", _USER_MISTAKE)
    files = [spec_file(spec) for spec in specs]
    with terminal_progress(console) as progress:
        comparison = compare(
            files[0] if len(files) == 1 else files,
            overrides=overrides or (),
            out=out,
            store=store,
            jobs=jobs,
            threads=threads,
            backend=backend,
            address=address,
            progress=progress,
            fresh=fresh,
            sanity=sanity,
            trust_code=trust_code,
        )
    summary = comparison.summary()
    if as_json:
        sys.stdout.write(json.dumps(summary, allow_nan=False) + "\n")
    else:
        wide = console if console.is_terminal else make_console(stderr=True, width=240)
        wide.print(terminal_table(comparison), highlight=False)
        for note in comparison.reading_notes:
            wide.print(note, highlight=False)
        for entry in comparison.failures():
            console.print(f"{entry.cell}: failed: {entry.outcome.reason}", highlight=False)
        sys.stdout.write(f"{summary['report']}\n")
    runs, failed = len(comparison.entries), len(comparison.failures())
    if failed == runs:
        _fail("no run was finished", 1)
    if failed:
        _fail(f"{failed} of {runs} runs failed", 1)
    scores = [result for entry in comparison.entries for result in entry.outcome.metrics]
    failed = sum(result.status == "failed" for result in scores)
    if failed:
        _fail(f"{failed} of {len(scores)} scores failed", 1)


@app.command()
def layers(
    spec: SpecFile,
    overrides: Overrides = None,
    trust_code: TrustCode = False,
    quiet: Quiet = False,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """List the layers of a spec's classifier, and their uses.

    A spec with no more than a data set and a classifier will do.
    """
    console = set_up_logging()
    from causalxai.config import load_grid
    from causalxai.pipeline.layers import layer_tables
    from causalxai.progress.bars import terminal_progress

    grid = load_grid(spec_file(spec), overrides or (), trust_code=trust_code, may_ask_nothing=True)
    with terminal_progress(console) as progress:
        tables = layer_tables(grid, progress)
    sys.stdout.write("\n\n".join(tables) + "\n")


@app.command()
def report(
    directory: Annotated[Path, typer.Argument(help="A run's directory.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="Where runs are kept; by default the parent.")
    ] = None,
    store: SharedStore = None,
    figures: Annotated[
        Path | None, typer.Option(help="Write figures, and tables as CSV and LaTeX, here.")
    ] = None,
    kind: Annotated[
        Literal["pdf", "png", "svg"], typer.Option("--format", help="The format of figures.")
    ] = "pdf",
    trust_code: TrustCode = False,
    quiet: Quiet = False,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Render a run's report again from stored results.

    Its path is printed.
    """
    console = set_up_logging()
    from causalxai.pipeline import run
    from causalxai.pipeline.figures import save_figures
    from causalxai.progress.bars import terminal_progress

    spec = directory / "spec.yaml"
    if not spec.is_file():
        _fail(f"{directory} is not the directory of a run: it has no spec.yaml", _USER_MISTAKE)
    with terminal_progress(console) as progress:
        finished = run(
            spec,
            out=out or directory.resolve().parent,
            store=store,
            progress=progress,
            fresh="report",
            trust_code=trust_code,
        )
        if figures is not None:
            save_figures(finished, figures, kind)
    sys.stdout.write(f"{finished.report}\n")


@app.command("demo")
def demo_command(
    out: Out = Path("runs"),
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare five methods on drawn digits, in a few minutes, and write the page.

    It is the shipped spec quickstart.
    """
    compare_command([shipped_specs()["quickstart"]], out=out, quiet=quiet, debug=debug)


add_commands(app)


def _figure(figure: Any) -> str:
    """Return a figure of the fit as text; a mapping gives one for each concept."""
    if isinstance(figure, dict):
        return ", ".join(f"{name} {_figure(value)}" for name, value in figure.items())
    if figure is None:
        return "not measured"
    return f"{figure:.3g}" if isinstance(figure, float) else str(figure)


def _score_line(name: str, brief: dict[str, object]) -> str:
    if brief["value"] is None:
        return f"{name}: {brief['status']}: {brief['reason']}"
    chance = "" if brief["chance"] is None else f", chance {brief['chance']:.3f}"
    return f"{name}: {brief['value']:.3f}{chance} (n = {brief['n']})"


def _fail(message: str, code: int) -> NoReturn:
    if debugging() and sys.exception() is not None:
        traceback.print_exc()
    sys.stderr.write(message + "\n")
    raise SystemExit(code)
