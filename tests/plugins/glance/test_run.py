"""The method as users meet it: a spec in, a directory out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from causalxai import Run, run
from causalxai.errors import SpecError
from causalxai_glance.discoverer import PREDICTION

SPEC: dict[str, Any] = {
    "causalxai": 1,
    "name": "few-steps",
    "dataset": {"use": "morpho", "scenario": "TI", "limit": 200, "test_limit": 40},
    "classifier": {"use": "lenet", "epochs": 1},
    "method": "glance",
    "concepts": {"latents": 6, "steps": 6, "channels": 16, "batch_size": 8},
    "graph": {"units": 10, "repeats": 2},
    "explain": {"samples": 30},
    "images": {"only": "any", "count": 2},
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(SPEC, out=tmp_path_factory.mktemp("runs"))


def test_the_summary_tells_held_out_figures(done: Run):
    fit = done.summary()["concepts"]
    assert fit["reconstruction error"] > 0
    for figure in ("alignment R2", "readback R2", "intervention-validity", "own effect"):
        assert set(fit[figure]) == {"thickness", "intensity"}
    assert json.loads((done.directory / "concepts.json").read_text(encoding="utf-8")) == fit


def test_six_steps_make_no_faithful_twin_and_the_graph_says_so(done: Run):
    assert done.summary()["concepts"]["faithful"] is False
    assert {edge.target for edge in done.graph.edges} <= {PREDICTION}
    assert done.graph.annotations["unfaithful"]


def test_reconstructions_and_losses_lie_in_the_run_directory(done: Run):
    names = {path.name for path in (done.directory / "figures").iterdir()}
    assert any("what-the-twin-generates" in name for name in names)
    assert any("the-graph-of-concepts" in name for name in names)
    report = done.report.read_text(encoding="utf-8")
    assert "Evidence for each edge" in report


def test_the_second_run_paints_nothing(done: Run):
    again = run(SPEC, out=done.directory.parent)
    assert again.pipeline.computed == []
    assert again.report.read_bytes() == done.report.read_bytes()
    assert again.summary()["concepts"] == done.summary()["concepts"]


@pytest.mark.slow
def test_another_discoverer_takes_the_same_twin(done: Run):
    again = run(SPEC, overrides=["graph.use=glance-paper"], out=done.directory.parent)
    assert "concepts" in again.pipeline.reused
    assert again.graph.annotations["method"] == "glance-paper"


def test_what_a_later_stage_misses_is_told_before_any_training(tmp_path: Path):
    unlabelled = {**SPEC, "dataset": "digits"}
    with pytest.raises(SpecError, match="GlanceDiscoverer needs observations"):
        run(unlabelled, out=tmp_path)
    log = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("log.txt"))
    assert "train" not in log
