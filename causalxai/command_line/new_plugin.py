"""The command ``new-plugin``: a package with a plugin that works, and its tests."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

import typer

from causalxai.command_line.options import Debug

if TYPE_CHECKING:
    from causalxai.plugin.provenance import Group

Kind: TypeAlias = Literal[
    "concept-space", "oracle", "graph-discoverer", "explainer", "metric", "dataset", "classifier"
]
KINDS: tuple[Kind, ...] = get_args(Kind)

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class _Shape:
    """How a kind of plugin is called in code, entry points and specs."""

    group: Group
    module: str
    interface: str
    stage: str
    title: str


_SHAPES: Mapping[Kind, _Shape] = {
    "concept-space": _Shape("concept_spaces", "space", "ConceptSpace", "concepts", "Concepts"),
    "oracle": _Shape("oracles", "oracle", "Oracle", "oracle", "An oracle and its concepts"),
    "graph-discoverer": _Shape(
        "graph_discoverers", "discoverer", "GraphDiscoverer", "graph", "A graph discoverer"
    ),
    "explainer": _Shape("explainers", "explainer", "Explainer", "explain", "An explainer"),
    "metric": _Shape("metrics", "metric", "Metric", "metrics", "A metric"),
    "dataset": _Shape("datasets", "dataset", "DatasetSource", "dataset", "A data set"),
    "classifier": _Shape(
        "classifiers", "classifier", "ClassifierSource", "classifier", "A classifier"
    ),
}


def new_plugin_command(
    name: Annotated[
        str,
        typer.Argument(
            help="The plugin's name in specs, as in bright-corners.", show_default=False
        ),
    ],
    kind: Annotated[Kind, typer.Option("--kind", help="What it is to add.", show_default=False)],
    directory: Annotated[
        Path, typer.Option("--into", help="The folder in which its folder is made.")
    ] = Path(),
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Write a small package with a plugin that works, and its tests.

    An oracle comes with the concept space about which it answers.
    """
    from causalxai.plugin import registry

    if not _NAME.fullmatch(name):
        raise typer.BadParameter(
            f"{name!r} is no name of a plugin: it consists of lower-case letters, digits and "
            "single hyphens, and begins with a letter"
        )
    for part in _kinds_within(kind):
        group = _SHAPES[part].group
        if name in registry.names(group):
            raise typer.BadParameter(f"there is a plugin {name!r} among the {group} already")
    folder = directory / f"causalxai-{name}"
    if folder.exists():
        raise typer.BadParameter(f"{folder} is there already, and is not overwritten")
    for path, text in plugin_files(name, kind).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{folder}\n")
    sys.stderr.write(
        f"Its tests run with: cd {folder} && python -m pytest\n"
        "Specs can name it after: pip install --editable .\n"
    )


def plugin_files(name: str, kind: Kind) -> dict[str, str]:
    """Return the files of a new package.

    Parameters
    ----------
    name
        The name of the plugin in specs.
    kind
        What it adds.

    Returns
    -------
    dict of str
        The text of each file, by its path in the package's folder.
    """
    package = f"causalxai_{name.replace('-', '_')}"
    parts = [_part(name, part) for part in _kinds_within(kind)]
    facts = {
        "kind": kind,
        "name": name,
        "distribution": f"causalxai-{name}",
        "package": package,
        "title": _SHAPES[kind].title,
        "interface": _SHAPES[kind].interface,
        "class_name": _class_name(name, kind),
        "space_class": _class_name(name, "concept-space"),
        "core_version": _core_version(),
        "parts": parts,
    }
    modules = {part["module"]: {**facts, "class_name": part["class_name"]} for part in parts}
    return {
        "README.md": render("README.md", facts),
        "pyproject.toml": render("pyproject.toml", facts),
        f"{package}/__init__.py": render("__init__.py", facts),
        **{f"{package}/{m}.py": render(f"{m}.py", known) for m, known in modules.items()},
        "tests/test_conformance.py": render("test_conformance.py", facts),
    }


def render(file: str, facts: Mapping[str, object]) -> str:
    """Return the text of a template's file.

    Parameters
    ----------
    file
        The name of the file that is written; the template has ``.jinja`` behind it.
    facts
        The variables of the template.

    Raises
    ------
    jinja2.UndefinedError
        If the template names a variable that is not given.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("causalxai.command_line", "templates/new_plugin")
    # The templates are Python and TOML, in which HTML's escapes would be wrong.
    environment = Environment(  # noqa: S701
        loader=loader, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    return environment.get_template(f"{file}.jinja").render(facts)


def _kinds_within(kind: Kind) -> tuple[Kind, ...]:
    return ("concept-space", "oracle") if kind == "oracle" else (kind,)


def _part(name: str, kind: Kind) -> dict[str, str]:
    shape = _SHAPES[kind]
    return {
        "group": shape.group,
        "module": shape.module,
        "class_name": _class_name(name, kind),
        "stage": shape.stage,
        "in_spec": f"[{name}]" if kind == "metric" else name,
    }


def _class_name(name: str, kind: Kind) -> str:
    """Return the name of a plugin's class, as in ``BrightCornersSpace``."""
    module = _SHAPES[kind].module
    words = name.split("-")
    if words[-1] != module:
        words.append(module)
    return "".join(word.capitalize() for word in words)


def _core_version() -> str:
    from causalxai import __version__

    return ".".join(__version__.split(".")[:2])
