"""The commands ``plugins`` and ``plugins show``: what is installed, and its settings."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from causalxai.command_line.options import AsJson, Debug
from causalxai.command_line.remembered import Remembered
from causalxai.command_line.terminal import make_console

if TYPE_CHECKING:
    from causalxai.plugin.provenance import Group

_WIDE = 240
_SOUND = "ok"

plugins_app = typer.Typer(
    help="List all plugins, and the errors of those that are broken.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@plugins_app.callback(invoke_without_command=True)
def plugins_command(context: typer.Context) -> None:
    """List all plugins, and the errors of those that are broken."""
    if context.invoked_subcommand is not None:
        return
    from rich.table import Table

    remembered = Remembered({"command": "plugins"})
    rows = remembered.recall()
    if rows is None:
        rows = _rows()
        # Nothing tells when a plugin that is broken works again.
        if all(state == _SOUND for *_, state in rows):
            remembered.keep(rows)
    table = Table("kind", "name", "distribution", "version", "state", box=None)
    for row in rows:
        table.add_row(*row)
    _wide_console().print(table, highlight=False)


def _rows() -> list[list[str]]:
    """Import every plugin, and return the rows of the table."""
    from causalxai.plugin import registry

    return [
        [
            listing.provenance.group,
            listing.provenance.name,
            listing.provenance.distribution,
            listing.provenance.version,
            f"broken: {listing.error}" if listing.error else _SOUND,
        ]
        for listing in registry.listings()
    ]


@plugins_app.command("show")
def show_command(
    name: Annotated[str, typer.Argument(help="The plugin's name in specs.", show_default=False)],
    kind: Annotated[
        str | None,
        typer.Option(help="Only the plugin of this kind, as 'causalxai plugins' calls it."),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show the settings of all plugins with a name, and an example of each in a spec."""
    groups = _groups_with(name, kind)
    if as_json:
        from causalxai.config.schema import plugin_schema

        told = {group: plugin_schema(group, name) for group in groups if group != "methods"}
        sys.stdout.write(json.dumps(told) + "\n")
        return
    for group in groups:
        if group == "methods":
            _show_method(name)
        else:
            _show_plugin(group, name)


def _groups_with(name: str, kind: str | None) -> list[Group]:
    """Return the groups that have a plugin with a name."""
    from causalxai.config.model import STAGES
    from causalxai.errors import did_you_mean
    from causalxai.plugin import registry

    groups: list[Group] = [*STAGES.values(), "metrics", "methods"]
    if kind is not None and kind not in groups:
        raise typer.BadParameter(f"--kind: should be one of {', '.join(groups)}, not {kind!r}")
    asked = [group for group in groups if kind in (None, group)]
    found = [group for group in asked if name in registry.names(group)]
    if not found:
        known = {known for group in asked for known in registry.names(group)}
        raise typer.BadParameter(
            f"there is no plugin {name!r}{did_you_mean(name, sorted(known))} "
            "('causalxai plugins' lists all)"
        )
    return found


def _show_plugin(group: Group, name: str) -> None:
    from rich.table import Table

    from causalxai.config.schema import plugin_schema
    from causalxai.config.schema_words import values_in_words
    from causalxai.plugin import registry

    schema, origin = plugin_schema(group, name), registry.provenance(group, name)
    console = _wide_console()
    console.print(f"{origin}", highlight=False)
    console.print(_plain(schema["description"]) + "\n", highlight=False)
    table = Table("setting", "values", "default", "", box=None)
    for setting, body in _all_settings(schema):
        default = json.dumps(body["default"]) if "default" in body else ""
        table.add_row(setting, values_in_words(body), default, _plain(body.get("description", "")))
    if table.row_count:
        console.print(table, highlight=False)
    console.print("\nIn a spec, with all defaults:\n", highlight=False)
    console.print(_as_yaml(_example(group, schema)), highlight=False)


def _show_method(name: str) -> None:
    from causalxai.plugin import registry

    method, console = registry.load_method(name), _wide_console()
    console.print(str(registry.provenance("methods", name)), highlight=False)
    console.print(method.reference, highlight=False)
    filled: dict[str, Any] = {"method": name}
    filled |= {stage: dict(settings) for stage, settings in method.stages().items()}
    filled["metrics"] = list(method.metrics)
    console.print("\nIn a spec, with what the method fills in:\n", highlight=False)
    console.print(_as_yaml(filled), highlight=False)


def _all_settings(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the settings by name; those of models inside settings follow, under the model's."""
    for setting, body in schema["properties"].items():
        if setting != "use":
            yield setting, body
    for key, model in schema["$defs"].items():
        for setting, body in model.get("properties", {}).items():
            yield f"{key.rpartition(':')[2]}.{setting}", body


def _example(group: Group, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part of a spec: all settings that have a default, and what has to be given."""
    from causalxai.config.model import STAGES
    from causalxai.config.schema_words import values_in_words

    part: dict[str, Any] = {"use": schema["title"]}
    for setting, body in schema["properties"].items():
        if setting in schema["required"] and setting != "use":
            part[setting] = f"<{values_in_words(body)}>"
        elif "default" in body:
            part[setting] = body["default"]
    stages = {of_stage: stage.value for stage, of_stage in STAGES.items()}
    return {"metrics": [part]} if group == "metrics" else {stages[group]: part}


def _plain(description: str) -> str:
    """Return a text without the references and the double quotes of docstrings."""
    return re.sub(r"\s*\[\d+\]_", "", description).replace("``", "`")


def _as_yaml(data: Mapping[str, Any]) -> str:
    from causalxai.config.resolved import as_yaml

    return as_yaml(data)


def _wide_console() -> Any:
    return make_console(width=None if sys.stdout.isatty() else _WIDE)
