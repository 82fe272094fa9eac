from __future__ import annotations

from typing import Any

import pytest

from causalxai.config.schema_words import values_in_words


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 9}, "whole number ≥ 1, ≤ 9"),
        ({"type": "number", "exclusiveMinimum": 0}, "number > 0"),
        ({"enum": ["a", 1]}, '`"a"`, `1`'),
        ({"const": "use"}, '`"use"`'),
        ({"type": "array"}, "list"),
        ({"type": "string"}, "text"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number or null"),
        ({"$ref": "#/$defs/metrics:x:Model"}, "Model"),
        ({"values": "one of these"}, "one of these"),
        ({}, "any"),
    ],
)
def test_values_are_said_in_words(setting: dict[str, Any], said: str):
    assert values_in_words(setting) == said
