"""The specs that come with causalxai are sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from causalxai.spec import load_spec

ROOT = Path(__file__).parents[1] / "specs"
SPECS = sorted(ROOT.rglob("*.yaml"))


def test_there_are_specs():
    assert ROOT / "quickstart.yaml" in SPECS


@pytest.mark.parametrize("path", SPECS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_spec_is_valid_and_named_as_its_file(path: Path):
    assert load_spec(path).name == path.stem
