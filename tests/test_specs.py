"""Every spec that ships is valid, down to the settings of its plugins."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from causalxai.config import json_schema, load_grid

FOLDER = Path(__file__).parents[1] / "specs"
SPECS = sorted(FOLDER.rglob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_spec_is_valid_and_named_like_its_file(path: Path):
    grid = load_grid(path)
    assert grid.name == path.stem
    for cell in grid.cells:
        spec = cell.spec
        spec.dataset.build()
        spec.classifier.build()
        # Attributions of pixels need no concepts, and a discoverer alone explains no image.
        asked = (spec.concepts, spec.oracle, spec.graph, spec.explain)
        for part in filter(None, asked):
            part.build()
        assert spec.graph or spec.explain


def test_the_quickstart_has_one_classifier_and_controls():
    grid = load_grid(next(path for path in SPECS if path.stem == "quickstart"))
    data = {(str(cell.spec.dataset), str(cell.spec.classifier)) for cell in grid.cells}
    assert len(data) == 1
    assert [cell.labels["method"] for cell in grid.cells if cell.control] == ["random", "constant"]
    assert len({cell.spec.images.model_dump_json() for cell in grid.cells}) == 1


def test_there_are_specs():
    assert {"quickstart", "interventional-quickstart", "glance-quickstart", "glance-tswi"} <= {
        path.stem for path in SPECS
    }


def test_the_schema_beside_the_specs_is_the_current_one():
    """If this fails, run ``causalxai schema > specs/schema.json``."""
    assert json.loads((FOLDER / "schema.json").read_text("utf-8")) == json_schema()


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_spec_names_the_schema_for_editors(path: Path):
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text("utf-8"))
    assert named is not None
    assert (path.parent / named[1]).resolve() == (FOLDER / "schema.json").resolve()


def test_every_setting_of_every_plugin_is_described():
    settings = [
        (plugin, name, setting)
        for plugin, body in json_schema()["$defs"].items()
        for name, setting in body.get("properties", {}).items()
        if name != "use"
    ]
    assert len(settings) > 400
    assert [(plugin, name) for plugin, name, one in settings if not one.get("description")] == []
