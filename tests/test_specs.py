"""Every spec that ships is valid, down to the settings of its plugins."""

from __future__ import annotations

from pathlib import Path

import pytest

from causalxai.spec import load_grid

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


def test_there_are_specs():
    assert {"quickstart", "glance-quickstart", "glance-tswi"} <= {path.stem for path in SPECS}
