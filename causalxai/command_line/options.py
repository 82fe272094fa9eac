"""The arguments and options that several commands have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from causalxai.command_line.terminal import QUIET_VARIABLE
from causalxai.supervision import DEBUG_VARIABLE

SpecFile = Annotated[
    Path,
    typer.Argument(
        metavar="SPEC", help="A YAML spec, or a shipped one by name.", show_default=False
    ),
]
RunDirectory = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run's directory.", show_default=False)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key, as in graph.tau=2. Repeatable."
    ),
]


def _set_debugging(wanted: bool) -> None:
    if wanted:
        # In the environment, so that processes that do part of the work know it.
        os.environ[DEBUG_VARIABLE] = "1"


def _set_quiet(wanted: bool) -> None:
    if wanted:
        os.environ[QUIET_VARIABLE] = "1"


Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show the tracebacks of errors.", callback=_set_debugging),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        help="Print only results, warnings and errors, no progress.",
        callback=_set_quiet,
    ),
]
TrustCode = Annotated[
    bool,
    typer.Option(
        "--trust-code", help="Import and run the code that the spec names, such as your network."
    ),
]
Out = Annotated[Path, typer.Option(help="Where runs are kept.")]
SharedStore = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Also keep results where other machines find them, as s3://bucket/folder.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="End with one JSON object on standard output.")
]
