"""What the JSON Schema of a setting says, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_WORDS = {"integer": "whole number", "array": "list", "string": "text", "object": "mapping"}


def values_in_words(setting: Mapping[str, Any]) -> str:
    """Return in a few words which values a setting takes.

    Parameters
    ----------
    setting
        Its JSON Schema, or a mapping whose key ``values`` has the answer.
    """
    if "values" in setting:
        return str(setting["values"])
    if "enum" in setting:
        return ", ".join(f"`{json.dumps(value)}`" for value in setting["enum"])
    if "const" in setting:
        return f"`{json.dumps(setting['const'])}`"
    if "$ref" in setting:
        return str(setting["$ref"]).rpartition(":")[2].rpartition("/")[2]
    for several in ("anyOf", "oneOf"):
        if several in setting:
            return " or ".join(dict.fromkeys(values_in_words(one) for one in setting[several]))
    types = setting.get("type", "any")
    kinds = [types] if isinstance(types, str) else types
    kind = " or ".join(_WORDS.get(one, one) for one in kinds)
    bounds = [
        f"{sign} {setting[key]:g}"
        for key, sign in (
            *(("minimum", "≥"), ("exclusiveMinimum", ">")),
            *(("maximum", "≤"), ("exclusiveMaximum", "<")),
        )
        if key in setting
    ]
    return " ".join([kind, ", ".join(bounds)]).strip()
