"""The commands that have modules of their own."""

from __future__ import annotations

import typer

from causalxai.command_line.explain_image import explain_image_command
from causalxai.command_line.graph import graph_command
from causalxai.command_line.init import init_command
from causalxai.command_line.new_plugin import new_plugin_command
from causalxai.command_line.plugins import plugins_app
from causalxai.command_line.schema import schema_command
from causalxai.command_line.shipped import specs_command
from causalxai.command_line.validate import validate_command


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("validate")(validate_command)
    app.add_typer(plugins_app, name="plugins")
    app.command("schema")(schema_command)
    app.command("specs")(specs_command)
    app.command("init")(init_command)
    app.command("explain-image")(explain_image_command)
    app.command("graph")(graph_command)
    app.command("new-plugin")(new_plugin_command)
