from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import ConfigDict, Field, InstanceOf, PositiveInt, ValidationError

from causalxai.plugin import PluginConfig, registry
from causalxai.plugin.settings import LARGEST, holds_paths


class Inner(PluginConfig):
    width: PositiveInt = 1


class Settings(PluginConfig):
    count: PositiveInt = 1
    perhaps: int | None = Field(None, ge=1)
    sizes: tuple[PositiveInt, ...] = ()
    share: float = Field(0.5, ge=0)
    seed: int = Field(0, le=2**63 - 1)
    inner: Inner = Inner()
    named: dict[str, Inner] = Field(default_factory=dict)
    either: int | str = 3
    size: Literal[64, 128] = 64
    switch: bool = True
    anything: Any = Field(default={"type": "int"})


INF, NAN = math.inf, math.nan
WHOLE, OTHER = LARGEST["int"], LARGEST["float"]


@pytest.mark.parametrize(
    ("settings", "kind", "path"),
    [
        ({"count": True}, "int_type", ("count",)),
        ({"count": "3"}, "int_type", ("count",)),
        ({"count": 0}, "greater_than", ("count",)),
        ({"count": 10**30}, "less_than_equal", ("count",)),
        ({"count": INF}, "finite_number", ("count",)),
        ({"perhaps": True}, "int_type", ("perhaps",)),
        ({"perhaps": WHOLE + 1}, "less_than_equal", ("perhaps",)),
        ({"sizes": [1, False]}, "int_type", ("sizes", 1)),
        ({"share": INF}, "finite_number", ("share",)),
        ({"share": NAN}, "finite_number", ("share",)),
        ({"share": True}, "float_type", ("share",)),
        ({"share": "0.5"}, "float_type", ("share",)),
        ({"share": 1e300}, "less_than_equal", ("share",)),
        ({"seed": -WHOLE - 1}, "greater_than_equal", ("seed",)),
        ({"inner": {"width": True}}, "int_type", ("inner", "width")),
        ({"named": {"x": {"width": 10**30}}}, "less_than_equal", ("named", "x", "width")),
        ({"size": True}, "literal_error", ("size",)),
    ],
)
def test_what_is_no_sound_number_is_refused(
    settings: dict[str, Any], kind: str, path: tuple[str | int, ...]
):
    with pytest.raises(ValidationError) as raised:
        Settings(**settings)
    (error,) = raised.value.errors()
    assert (error["type"], error["loc"]) == (kind, path)


def test_sound_numbers_are_taken():
    settings = Settings(
        count=3.0, share=3, seed=2**63 - 1, perhaps=None, either="3", anything=INF, switch=False
    )
    assert settings.count == 3
    assert settings.share == 3
    assert settings.either == "3"
    assert Settings(share=OTHER, count=WHOLE, seed=-WHOLE) != settings
    assert Settings().anything == {"type": "int"}
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_the_schema_for_editors_has_the_bounds():
    properties = Settings.model_json_schema()["properties"]
    assert properties["count"]["maximum"] == WHOLE
    assert properties["seed"] == {
        "title": "Seed", "type": "integer", "default": 0, "maximum": 2**63 - 1, "minimum": -WHOLE
    }  # fmt: skip


GROUPS: tuple[registry.Group, ...] = (
    "datasets",
    "classifiers",
    "concept_spaces",
    "oracles",
    "graph_discoverers",
    "explainers",
    "metrics",
)


def numbers(config: type[PluginConfig], prefix: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Return all numbers in the schema of a config."""
    schema = config.model_json_schema()
    found: list[tuple[str, dict[str, Any]]] = []

    def look(part: Any, at: str) -> None:
        if isinstance(part, dict):
            if part.get("type") in ("integer", "number"):
                found.append((at, part))
            for key, inner in part.items():
                look(inner, f"{at}.{key}")
        elif isinstance(part, list):
            for inner in part:
                look(inner, at)

    look({"properties": schema.get("properties", {}), "$defs": schema.get("$defs", {})}, prefix)
    return found


@pytest.mark.parametrize("group", GROUPS)
def test_every_number_of_a_built_in_plugin_has_bounds(group: registry.Group):
    for name in registry.names(group):
        for at, number in numbers(registry.load(group, name).Config, name):
            assert number.keys() & {"maximum", "exclusiveMaximum", "enum"}, at
            assert number.keys() & {"minimum", "exclusiveMinimum", "enum"}, at


def test_settings_that_are_objects_are_told_and_left_out_of_files() -> None:
    class Held(PluginConfig):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        width: int = 3
        network: InstanceOf[object] | None = Field(default=None, exclude=True)

    network = object()
    config = Held(network=network)
    assert config.held_objects() == {"network": network}
    assert config.model_dump() == {"width": 3}
    assert not Held().held_objects()


def test_paths_are_found_however_deep():
    class Deep(PluginConfig):
        files: dict[str, tuple[Path, ...]] = Field(default_factory=dict)
        inner: Inner | None = None

    assert holds_paths(Deep(files={"some": (Path("here"),)}))
    assert not holds_paths(Deep(files={"none": ()}, inner=Inner()))
    assert not holds_paths({"text": "/here", "number": 3})
