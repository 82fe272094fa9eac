"""The commands ``compare`` and ``demo``: several runs, to the page that compares them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causalxai.command_line.options import (
    AsJson,
    Debug,
    Out,
    Overrides,
    Quiet,
    SharedStore,
    TrustCode,
)
from causalxai.command_line.shipped import shipped_specs, spec_file
from causalxai.command_line.terminal import USER_MISTAKE, fail, make_console, set_up_logging

if TYPE_CHECKING:
    from rich.console import Console

    from causalxai.comparison import Comparison


_Specs = Annotated[
    list[Path],
    typer.Argument(
        metavar="SPEC...",
        help="A YAML spec with 'vary', or several specs to compare with one another; "
        "shipped ones by name.",
        show_default=False,
    ),
]
_Jobs = Annotated[
    int | None,
    typer.Option(
        min=1, help="Jobs at a time; by default the number of cores divided by --threads."
    ),
]
_Threads = Annotated[int, typer.Option(min=1, help="CPU threads of each job.")]
_Backend = Annotated[
    str | None,
    typer.Option(
        metavar="loky|threading|dask|ray",
        help="Where jobs are done: on this machine (threading forks off this process), or on "
        "a cluster, whose machines share --out or --store.",
    ),
]
_Address = Annotated[
    str | None,
    typer.Option(help="The cluster's scheduler, for --backend dask or ray."),
]
_Fresh = Annotated[bool, typer.Option("--fresh", help="Delete the results of earlier runs first.")]
_Sanity = Annotated[
    bool,
    typer.Option(
        "--sanity", help="Also check that explanations change when weights are randomised."
    ),
]


def compare_command(
    specs: _Specs,
    overrides: Overrides = None,
    out: Out = Path("runs"),
    store: SharedStore = None,
    jobs: _Jobs = None,
    threads: _Threads = 1,
    backend: _Backend = None,
    address: _Address = None,
    fresh: _Fresh = False,
    sanity: _Sanity = False,
    as_json: AsJson = False,
    trust_code: TrustCode = False,
    quiet: Quiet = False,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001 - its callback has done what it asks for
) -> None:
    """Run a grid of specs and write their comparison."""
    console = set_up_logging()
    from causalxai.comparison import compare
    from causalxai.pipeline.launched import launched
    from causalxai.progress.bars import terminal_progress

    if launched():
        fail("compare: a launcher of several processes is for run; use --jobs", USER_MISTAKE)
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
    if as_json:
        sys.stdout.write(json.dumps(comparison.summary(), allow_nan=False) + "\n")
    else:
        _print_comparison(comparison, console)
    _fail_if_anything_failed(comparison)


def _print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the table, how to read it, which runs failed, and where the page lies."""
    from causalxai.comparison.terminal import terminal_table

    wide = console if console.is_terminal else make_console(stderr=True, width=240)
    wide.print(terminal_table(comparison), highlight=False)
    for note in comparison.reading_notes:
        wide.print(note, highlight=False)
    for entry in comparison.failures():
        console.print(f"{entry.cell}: failed: {entry.outcome.reason}", highlight=False)
    sys.stdout.write(f"{comparison.summary()['report']}\n")


def _fail_if_anything_failed(comparison: Comparison) -> None:
    """End with code 1 if a run or a score failed."""
    runs, failed = len(comparison.entries), len(comparison.failures())
    if failed == runs:
        fail("no run was finished", 1)
    if failed:
        fail(f"{failed} of {runs} runs failed", 1)
    scores = [result for entry in comparison.entries for result in entry.outcome.metrics]
    failed = sum(result.status == "failed" for result in scores)
    if failed:
        fail(f"{failed} of {len(scores)} scores failed", 1)


def demo_command(
    out: Out = Path("runs"),
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare five methods on drawn digits, in a few minutes, and write the page.

    It is the shipped spec quickstart.
    """
    compare_command([shipped_specs()["quickstart"]], out=out, quiet=quiet, debug=debug)
