"""The command ``schema``: the JSON Schema of specs that use the installed plugins."""

from __future__ import annotations

import json
import sys

from causalxai.command_line.remembered import Remembered


def schema_command() -> None:
    """Print the JSON Schema of specs, for editors."""
    remembered = Remembered({"command": "schema"})
    schema = remembered.recall()
    if schema is None:
        from causalxai.config import json_schema
        from causalxai.plugin import registry

        schema = json_schema()
        # Plugins that cannot be loaded are not in it. Nothing tells when they can be.
        if not any(listing.error for listing in registry.listings()):
            remembered.keep(schema)
    sys.stdout.write(json.dumps(schema, indent=1) + "\n")
