from __future__ import annotations

from typing import Any

import pytest

from causalxai.config import json_schema, load_grid


@pytest.fixture
def schema() -> dict[str, Any]:
    return json_schema()


def names(choices: list[dict[str, Any]]) -> list[str]:
    return [choice["$ref"].rpartition("/")[2] for choice in choices if "$ref" in choice]


def references(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        below = set().union(*map(references, schema.values()))
        return below | ({schema["$ref"]} if "$ref" in schema else set())
    return set().union(*map(references, schema)) if isinstance(schema, list) else set()


def test_stages_offer_the_plugins_of_their_group(schema: dict[str, Any]) -> None:
    assert names(schema["properties"]["concepts"]["anyOf"]) == [
        "concept_spaces:parameters",
        "concept_spaces:pixels",
    ]
    scores = schema["properties"]["metrics"]["anyOf"][0]["items"]["anyOf"]
    assert names(scores) == ["metrics:deletion", "metrics:insertion"]
    assert schema["properties"]["method"]["anyOf"][0] == {"enum": ["by-broken", "interventional"]}


def test_broken_plugins_are_left_out(schema: dict[str, Any]) -> None:
    assert names(schema["properties"]["classifier"]["anyOf"]) == ["classifiers:lenet"]


def test_only_plugins_that_need_no_setting_stand_alone(schema: dict[str, Any]) -> None:
    assert schema["properties"]["dataset"]["anyOf"][0] == {"enum": ["digits"]}
    assert schema["$defs"]["datasets:folder"]["required"] == ["use", "path"]


def test_settings_stand_beside_the_plugins_name(schema: dict[str, Any]) -> None:
    pixels = schema["$defs"]["concept_spaces:pixels"]
    assert pixels["properties"]["use"] == {"const": "pixels"}
    assert pixels["properties"]["patch"]["type"] == "integer"
    assert pixels["additionalProperties"] is False


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    assert references(schema) <= {f"#/$defs/{name}" for name in schema["$defs"]}


@pytest.mark.parametrize(
    ("changes", "is_sound"),
    [
        ({}, True),
        ({"graph": {"threshold": 0.4}}, True),
        ({"graph": {"use": "interventional", "background": {"tiers": [["a"]]}}}, True),
        ({"images": {"classes": [3, "8"]}}, True),
        ({"metrics": ["deletion", {"use": "insertion", "steps": 3}]}, True),
        ({"dataset": {"use": "folder", "path": "x"}}, True),
        ({"dataset": "folder"}, False),
        ({"dataset": {"use": "folder"}}, False),
        ({"classifier": "broken"}, False),
        ({"graph": {"use": "interventional", "treshold": 1}}, False),
        ({"graph": {"use": "interventional", "background": {"tires": []}}}, False),
        ({"metrics": [{"use": "insertion", "steps": 0}]}, False),
        ({"method": None}, False),
        ({"name": "a b"}, False),
        ({"device": "gpu"}, False),
        ({"nmae": "x"}, False),
        ({"sanity": False}, True),
        ({"sanity": "yes"}, False),
        ({"vary": {"seed": [0, 1], "images.only": ["any"]}}, True),
        ({"vary": {"size": {"small": {"classifier": {"epochs": 1}}, "as is": None}}}, True),
        ({"method": None, "vary": {"method": ["interventional"]}}, True),
        ({"vary": None}, True),
        ({"vary": {"seed": 3}}, False),
        ({"vary": {"seed": [[0]]}}, False),
        ({"vary": {"size": {"small": 3}}}, False),
    ],
)
def test_the_schema_tells_sound_specs_from_others(
    schema: dict[str, Any], minimal: dict[str, Any], changes: dict[str, Any], is_sound: bool
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    if is_sound:
        load_grid(minimal | changes)
    assert validator(schema).is_valid(minimal | changes) == is_sound
