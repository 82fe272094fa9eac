"""Every spec that ships is valid, down to the settings of its plugins."""

from __future__ import annotations

from pathlib import Path

import pytest

from causalxai.config import load_grid

SPECS = sorted((Path(__file__).parents[1] / "specs").rglob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_spec_is_valid_and_named_like_its_file(path: Path):
    grid = load_grid(path)
    assert grid.name == path.stem
    for cell in grid.cells:
        spec = cell.spec
        for part in (spec.dataset, spec.classifier, spec.concepts, spec.oracle, spec.graph):
            part.build()
        spec.explain.build()


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
