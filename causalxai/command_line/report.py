"""The command ``report``: a run's report again, and its figures as files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from causalxai.command_line.options import Debug, Quiet, SharedStore, TrustCode
from causalxai.command_line.terminal import USER_MISTAKE, fail, set_up_logging


def report_command(
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
        fail(f"{directory} is not the directory of a run: it has no spec.yaml", USER_MISTAKE)
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
