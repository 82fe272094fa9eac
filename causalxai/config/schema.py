"""The JSON Schema of specs, for editors."""

from __future__ import annotations

from inspect import getdoc
from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema

from causalxai.config.model import METHOD_STAGES, NO_STAGE, STAGES, Spec
from causalxai.errors import PluginError
from causalxai.plugin import PluginConfig, registry
from causalxai.plugin.provenance import Group

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of specs that use the installed plugins.

    Plugins that cannot be loaded are left out. Because a method may fill in what the user leaves
    out, the schema requires less than ``load_spec``; it never rejects a spec that ``load_spec``
    accepts. In a spec with ``vary`` it describes only the part that all runs share, which must
    contain all settings that a plugin requires.
    """
    schema = Spec.model_json_schema()
    properties, definitions = schema["properties"], schema.pop("$defs")
    del definitions["PluginChoice"]
    for stage, group in STAGES.items():
        by_method = stage in METHOD_STAGES
        choices = _choices(group, definitions, demanding=not by_method)
        if by_method:
            choices += [
                {"type": "object", "not": {"required": ["use"]}},
                {"enum": [NO_STAGE, None]},
            ]
        properties[stage] = {"description": properties[stage]["description"], "anyOf": choices}
    scores = {"anyOf": _choices("metrics", definitions, demanding=True)}
    properties["metrics"]["anyOf"] = [{"type": "array", "items": scores}, {"type": "null"}]
    methods = {"enum": list(registry.names("methods"))}
    properties["method"]["anyOf"] = [methods, {"type": "null"}]
    always = ["dataset", "classifier"]
    return {
        "$schema": DIALECT,
        **schema,
        "title": "causalxai spec",
        "required": ["causalxai", "name"],
        "anyOf": [
            {"required": [*always, "method"], "properties": {"method": methods}},
            *({"required": [*always, stage]} for stage in METHOD_STAGES),
            {"required": ["vary"], "properties": {"vary": {"type": "object"}}},
        ],
        "$defs": definitions,
    }


def plugin_schema(group: Group, name: str) -> dict[str, Any]:
    """Return the JSON Schema of what a spec may write for one plugin.

    Parameters
    ----------
    group, name
        The plugin's.

    Returns
    -------
    dict
        ``required`` begins with ``use``; ``$defs`` has the models inside the settings.

    Raises
    ------
    PluginError
        If there is no such plugin, or it cannot be loaded.
    """
    plugin = registry.load(group, name)
    nested: dict[str, Any] = {}
    settings = _settings(plugin.Config, f"{group}:{name}", nested)
    return {
        **settings,
        "title": name,
        "description": (getdoc(plugin) or "").partition("\n")[0],
        "properties": {"use": {"const": name}, **settings.get("properties", {})},
        "required": ["use", *settings.get("required", [])],
        "$defs": nested,
    }


def _choices(group: Group, definitions: dict[str, Any], *, demanding: bool) -> list[dict[str, Any]]:
    """Return a schema for each plugin, and one for the names that need no settings."""
    alone, written_out = [], []
    for name in registry.names(group):
        try:
            body = plugin_schema(group, name)
        except PluginError:
            continue
        definitions.update(body.pop("$defs"))
        _, *required = body["required"]
        if not demanding:
            required, body["required"] = [], ["use"]
        if not required:
            alone.append(name)
        definitions[f"{group}:{name}"] = body
        written_out.append({"$ref": f"#/$defs/{group}:{name}"})
    return [{"enum": alone}, *written_out]


def _settings(
    config: type[PluginConfig], prefix: str, definitions: dict[str, Any]
) -> dict[str, Any]:
    """Return a config's schema; its nested models go to ``definitions`` under the prefix."""
    try:
        schema = config.model_json_schema(ref_template=f"#/$defs/{prefix}:{{model}}")
    except PydanticInvalidForJsonSchema:
        return {"type": "object"}
    nested = schema.pop("$defs", {})
    definitions.update({f"{prefix}:{model}": body for model, body in nested.items()})
    return schema
