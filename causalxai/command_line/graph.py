"""The command ``graph``: a run's graph in a format for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from causalxai.command_line.options import Debug, RunDirectory

GraphFormat = Literal["dot", "graphml", "json", "mermaid"]


def graph_command(
    directory: RunDirectory,
    kind: Annotated[
        GraphFormat, typer.Option("--format", help="mermaid is drawn by GitHub and many editors.")
    ] = "dot",
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Print a run's causal graph."""
    from causalxai.command_line.mermaid import mermaid
    from causalxai.errors import DataError
    from causalxai.graph import CausalGraph
    from causalxai.storage.graph_formats import graph_text

    file = directory / "graph.json"
    if not file.is_file():
        is_run = (directory / "spec.yaml").is_file()
        wrong = "the run has no graph" if is_run else "this is not the directory of a run"
        raise typer.BadParameter(f"{directory}: {wrong}")
    try:
        graph = CausalGraph.load(file)
        as_file = Path(f"graph.{kind}")
        text = mermaid(graph) if kind == "mermaid" else graph_text(graph.to_json(), as_file)
    except ValueError as error:
        raise DataError(str(error)) from error
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
