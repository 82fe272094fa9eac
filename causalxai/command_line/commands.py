"""All commands by name; each is imported when it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command


@dataclass(frozen=True)
class Command:
    """A command that is not imported yet.

    Parameters
    ----------
    place
        Where it is defined: ``module:name`` below ``causalxai.command_line``, the name of a
        function, or of a typer application with commands of its own.
    summary
        What it does, in a sentence: the first one of its docstring.
    """

    place: str
    summary: str

    def load(self, name: str) -> Any:
        """Return the command, as typer makes it under a name."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(f"causalxai.command_line.{module}"), attribute)
        if isinstance(found, typer.Typer):
            return get_command(found)
        alone = typer.Typer(
            add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
        )
        alone.command(name)(found)
        return get_command(alone)


COMMANDS = {
    "run": Command("run:run_command", "Run a spec and write its report."),
    "compare": Command(
        "compare:compare_command", "Run a grid of specs and write their comparison."
    ),
    "layers": Command(
        "layers:layers_command", "List the layers of a spec's classifier, and their uses."
    ),
    "report": Command("report:report_command", "Render a run's report again from stored results."),
    "demo": Command(
        "compare:demo_command",
        "Compare five methods on drawn digits, in a few minutes, and write the page.",
    ),
    "validate": Command(
        "validate:validate_command",
        "Check a spec before any training, and list all mistakes.",
    ),
    "plugins": Command(
        "plugins:plugins_app", "List all plugins, and the errors of those that are broken."
    ),
    "schema": Command("schema:schema_command", "Print the JSON Schema of specs, for editors."),
    "specs": Command(
        "shipped:specs_command",
        "List the shipped specs, which the other commands take by their names.",
    ),
    "init": Command(
        "init:init_command", "Write a spec for your pictures and your network, with comments."
    ),
    "explain-image": Command(
        "explain_image:explain_image_command",
        "Explain other pictures with a finished run; nothing is trained anew.",
    ),
    "graph": Command("graph:graph_command", "Print a run's causal graph."),
    "new-plugin": Command(
        "new_plugin:new_plugin_command",
        "Write a small package with a plugin that works, and its tests.",
    ),
}
"""The commands, in the order of the help."""


class Commands(TyperGroup):
    """The application, which imports only the command that is called.

    To import all of them, and to work out their options, takes as long as typer itself.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": _Loaded()})

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the names and the summaries, whole, into the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])


class _Loaded(Mapping[str, Any]):
    """The commands by name, each loaded when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = COMMANDS[name].load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)
