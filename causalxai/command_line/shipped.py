"""Specs that are shipped with the distribution, and their names."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from causalxai.errors import DataError, did_you_mean


def shipped_specs() -> dict[str, Path]:
    """Return the files of the shipped specs by name, in alphabetical order.

    Raises
    ------
    DataError
        If the distribution lacks them.
    """
    files = {path.stem: path for path in _folder().rglob("*.yaml")}
    return dict(sorted(files.items()))


def spec_file(given: Path) -> Path:
    """Return the file of a spec: the path itself, or a shipped spec's if it is the name of one.

    Parameters
    ----------
    given
        A path, or the name of a shipped spec without a suffix. A file of that name comes first.

    Raises
    ------
    typer.BadParameter
        If it has no suffix, and is neither.
    """
    if given.suffix or given.name != str(given) or given.exists():
        return given
    shipped = shipped_specs()
    if given.name not in shipped:
        raise typer.BadParameter(
            f"there is neither a file nor a shipped spec {given.name!r}"
            f"{did_you_mean(given.name, tuple(shipped))} ('causalxai specs' lists those)"
        )
    return shipped[given.name]


def specs_command() -> None:
    """List the shipped specs, which the other commands take by their names."""
    specs = shipped_specs()
    width = max(map(len, specs))
    for name, file in specs.items():
        sys.stdout.write(f"{name:<{width}}  {purpose(file)}".rstrip() + "\n")


def purpose(spec: Path) -> str:
    """Return the first sentence of a spec's opening comment; empty if it has none."""
    lines = spec.read_text(encoding="utf-8").splitlines()
    comment = []
    for line in lines:
        if not line.startswith("#"):
            break
        if not line.startswith("# yaml-language-server:"):
            comment.append(line.removeprefix("#").strip())
    sentence, end, _ = " ".join(comment).partition(". ")
    return sentence + end.strip()


def _folder() -> Path:
    package = Path(__file__).parents[1]
    # Both lie beside the package: those of a checkout, and those of a wheel.
    for folder in (package.parent / "specs", package.parent / "causalxai_specs"):
        if (folder / "quickstart.yaml").is_file():
            return folder
    raise DataError(f"the shipped specs are not beside {package}: install causalxai again")
