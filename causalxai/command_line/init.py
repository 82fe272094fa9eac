"""The command ``init``: a spec for a folder of pictures and a network."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from causalxai.command_line.options import Debug

_NO_TERMINAL = "nobody can be asked, because standard input is no terminal"


@dataclass(frozen=True)
class _Answers:
    """What a spec is written from."""

    images: Path
    network: str
    weights: Path | None
    method: str
    size: int
    channels: int


def init_command(
    images: Annotated[
        Path | None, typer.Option(help="A folder with a folder of pictures for each class.")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="Your network, as package.module:Class, or a classifier to train, as resnet18."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="The state dict of your network, unless it loads its own.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="The method, as interventional or grad-cam.")
    ] = None,
    size: Annotated[int, typer.Option(min=1, help="Height and width that the network sees.")] = 64,
    channels: Annotated[int, typer.Option(help="3 for colour, 1 for grey.")] = 3,
    out: Annotated[Path, typer.Option(help="The file that is written.")] = Path("spec.yaml"),
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Write a spec for your pictures and your network, with comments.

    What no option says is asked for, if there is a terminal.
    """
    if out.exists():
        raise typer.BadParameter(f"{out} is there already, and is not overwritten")
    answers = _Answers(
        images=Path(images or _asked("--images", "Folder with a folder for each class")),
        network=network or _asked("--network", "Network (package.module:Class, or lenet)"),
        weights=weights,
        method=method or _asked("--method", "Method (such as interventional or grad-cam)"),
        size=size,
        channels=channels,
    )
    _check(answers)
    _write_checked(out, spec_text(answers, out.parent))
    trust = " --trust-code" if ":" in answers.network else ""
    sys.stdout.write(f"{out}\n")
    sys.stderr.write(f"Run it with: causalxai run {out}{trust}\n")


def spec_text(answers: _Answers, folder: Path) -> str:
    """Return the text of a spec.

    Parameters
    ----------
    answers
        What it asks for.
    folder
        Where it is to lie; its own network is looked for there first.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("causalxai.command_line", "templates")
    # The template is YAML, in which HTML's escapes would be wrong.
    environment = Environment(  # noqa: S701
        loader=loader, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    own = ":" in answers.network
    # Where the network's module lies beside the caller and not beside the spec, the spec says so.
    elsewhere = own and Path(os.path.realpath(folder)) != Path(os.path.realpath("."))
    return environment.get_template("spec.yaml.jinja").render(
        name=_run_name(answers),
        images=_quoted(answers.images),
        network=_quoted(answers.network),
        weights=None if answers.weights is None else _quoted(answers.weights),
        import_from=_quoted(".") if elsewhere else None,
        method=_quoted(answers.method),
        size=answers.size,
        channels=answers.channels,
        own=own,
    )


def _asked(option: str, question: str) -> str:
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{option} is missing, and {_NO_TERMINAL}")
    return str(typer.prompt(question, err=True)).strip()


def _check(answers: _Answers) -> None:
    """Refuse a network or a method that nothing is known of, in the words of the options."""
    from causalxai.errors import did_you_mean
    from causalxai.plugin import registry

    named = [("--method", answers.method, registry.names("methods"))]
    if ":" not in answers.network:
        named.append(("--network", answers.network, registry.names("classifiers")))
        if answers.weights is not None:
            raise typer.BadParameter("--weights: they need your own network, package.module:Class")
    for option, name, known in named:
        if name not in known:
            raise typer.BadParameter(
                f"{option}: there is no {name!r}{did_you_mean(name, known)} "
                f"(known: {', '.join(known)})"
            )


def _write_checked(out: Path, text: str) -> None:
    """Write a spec, and take it back if it is not valid."""
    from causalxai.config import load_grid
    from causalxai.errors import SpecError
    from causalxai.pipeline.validation import validate_grid

    try:
        # A folder that is not there is told as an error of the file system.
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
        # The network that the caller names is the caller's own.
        found = validate_grid(load_grid(out, trust_code=True), trust_code=True)
        if found.problems:
            raise SpecError(found.problems)
    except SpecError:
        out.unlink()
        sys.stderr.write("No spec is written, because it would not be valid:\n")
        raise


def _quoted(text: str | Path) -> str:
    """Return a text as YAML; JSON's texts are YAML's, too."""
    return json.dumps(str(text), ensure_ascii=False)


def _run_name(answers: _Answers) -> str:
    """Return a name that a run may have."""
    folder = "".join(c if c.isascii() and c.isalnum() else "-" for c in answers.images.name)
    return "-".join(filter(None, (folder.strip("-"), answers.method)))
