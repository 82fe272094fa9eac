"""The command ``run``: a spec, to its report."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from causalxai.command_line.shipped import spec_file
from causalxai.command_line.terminal import fail, set_up_logging

if TYPE_CHECKING:
    from rich.console import Console


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
        _print_summary(summary, console)
        sys.stdout.write(f"{finished.report}\n")
    failed = [name for name, brief in summary["metrics"].items() if brief["status"] == "failed"]
    if failed:
        fail(f"metrics that failed: {', '.join(failed)}", 1)


def _print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print which stages were reused, the figures of the concepts, and the scores."""
    if summary["reused"]:
        console.print(f"reused: {', '.join(summary['reused'])}")
    for name, figure in summary["concepts"].items():
        console.print(f"{name}: {figure_in_words(figure)}", highlight=False)
    for name, brief in summary["metrics"].items():
        console.print(_score_line(name, brief), highlight=False)


def figure_in_words(figure: Any) -> str:
    """Return a figure of the fit as text; a mapping gives one for each concept."""
    if isinstance(figure, dict):
        return ", ".join(f"{name} {figure_in_words(value)}" for name, value in figure.items())
    if figure is None:
        return "not measured"
    return f"{figure:.3g}" if isinstance(figure, float) else str(figure)


def _score_line(name: str, brief: dict[str, object]) -> str:
    if brief["value"] is None:
        return f"{name}: {brief['status']}: {brief['reason']}"
    chance = "" if brief["chance"] is None else f", chance {brief['chance']:.3f}"
    return f"{name}: {brief['value']:.3f}{chance} (n = {brief['n']})"
