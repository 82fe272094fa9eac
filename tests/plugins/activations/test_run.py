"""A run by the preset, from the digits to the report."""

from __future__ import annotations

import pytest

from causalxai import Run, run

SPEC = {
    "causalxai": 1,
    "name": "craft",
    "dataset": "digits",
    "classifier": {"use": "lenet", "epochs": 1},
    "method": "craft",
    "concepts": {"factors": 4, "images": 20},
    "graph": {"images": 10},
    "images": {"count": 4},
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(SPEC, out=tmp_path_factory.mktemp("runs"))


def test_the_summary_names_the_layer_and_tells_chance(done: Run):
    fit = done.summary()["concepts"]
    assert fit["layer"] == "conv2"
    assert 0 < fit["reconstruction error"] < fit["error of shuffled factors"]


def test_the_graph_leads_from_factors_to_classes_alone(done: Run):
    assert done.graph.edges
    assert all(edge.target.startswith("class ") for edge in done.graph.edges)


def test_scores_have_chance_levels(done: Run):
    for name, result in done.metrics.items():
        assert result.status == "ok", name
        assert result.chance is not None, name


def test_the_report_shows_factors_and_their_contributions(done: Run):
    names = {path.name for path in (done.directory / "figures").iterdir()}
    for section in ("the-factors-of-the-layer", "what-the-factors-contribute"):
        assert any(section in name for name in names)


def test_the_second_run_factorises_nothing(done: Run):
    again = run(SPEC, out=done.directory.parent)
    assert again.pipeline.computed == []
    assert again.report.read_bytes() == done.report.read_bytes()
