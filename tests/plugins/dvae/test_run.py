"""The method as users meet it: a spec in, a directory out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from causalxai import Run, run

SPEC: dict[str, Any] = {
    "causalxai": 1,
    "name": "few-steps",
    "dataset": "digits",
    "classifier": {"use": "lenet", "epochs": 1},
    "method": "dvae",
    "concepts": {
        "autoencoder": {"bits": 5, "steps": 40},
        "generator": {"steps": 4, "batch_size": 8},
    },
    "graph": {"units": 10},
    "explain": {"pictures": 2},
    "metrics": [],
    "images": {"only": "any", "count": 3},
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(SPEC, out=tmp_path_factory.mktemp("runs"))


def test_the_summary_tells_held_out_figures(done: Run):
    fit = done.summary()["concepts"]
    assert fit["bits"] == 5
    assert 0 <= fit["changed"] <= 1
    assert json.loads((done.directory / "concepts.json").read_text(encoding="utf-8")) == fit


def test_the_report_shows_the_code_and_the_flips(done: Run):
    names = {path.name for path in (done.directory / "figures").iterdir()}
    for section in ("the-code-of-the-hidden-layer", "flips-that-change-the-prediction"):
        assert any(section in name for name in names)
    assert "with all bits flipped" in done.report.read_text(encoding="utf-8")


def test_the_second_run_trains_nothing(done: Run):
    again = run(SPEC, out=done.directory.parent)
    assert again.pipeline.computed == []
    assert again.report.read_bytes() == done.report.read_bytes()


def test_other_flips_take_the_same_code(done: Run):
    again = run(SPEC, overrides=['explain.towards="3"'], out=done.directory.parent)
    assert "concepts" in again.pipeline.reused
    assert again.explanation.meta["towards"] == "3"
