"""Comparisons of the toy world, from specs to what lies in the directory."""

from __future__ import annotations

import csv
import html
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from causalxai import Comparison, compare, run
from causalxai.comparison import work
from causalxai.comparison.page.render import render_comparison
from causalxai.comparison.writing import write_comparison
from causalxai.concept import Units
from causalxai.config import load_grid, load_spec
from causalxai.errors import DataError, SpecError
from causalxai.metrics.sanity import Sanity
from causalxai.oracle import Response
from causalxai.testing.toys import ToyOracle, ToySpace, ToyWorld

Spec = dict[str, Any]
Trainings = Callable[[], list[str]]
Score = Callable[..., pd.Series]


def test_a_comparison_leaves_everything_in_its_directory(done: Comparison, grid_spec: Spec):
    directory = done.directory
    assert directory.name.startswith("toy-comparison-")
    files = {path.name for path in directory.iterdir()}
    pages = {"comparison.html", "summary.html"}
    assert files == pages | {"comparison.csv", "comparison.json", "spec.yaml"}
    cells = load_grid(directory / "spec.yaml").cells
    assert [cell.labels for cell in cells] == [cell.labels for cell in load_grid(grid_spec).cells]
    assert cells == tuple(entry.cell for entry in done.entries)
    with (directory / "comparison.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(done.table)
    told = json.loads((directory / "comparison.json").read_text(encoding="utf-8"))
    assert told["axes"] == {"seed": [0, 1], "method": ["exact", "random", "refusing"]}
    assert told["threads"] == [1]
    assert [each["labels"] for each in told["runs"]] == [dict(cell.labels) for cell in cells]


def test_the_table_says_what_the_runs_alone_say(
    score: Score, done: Comparison, base: Spec, tmp_path: Path
):
    alone = run({**base, "seed": 1, "explain": "random"}, out=tmp_path / "alone")
    assert alone.metrics.keys() == {"best-concept", "distance"}
    for name, result in alone.metrics.items():
        row = score(done, seed=1, method="random", metric=name)
        estimate = result.estimate
        assert estimate is not None
        assert (row.value, row.n, row.status) == (estimate.value, estimate.n, "ok")
        assert row.higher_is_better == result.higher_is_better
        assert bool(row.control)
    distance = alone.metrics["distance"]
    for (kind, name), estimate in {
        ("control", "zero"): distance.controls["zero"],
        ("part", "first image"): distance.parts["first image"],
    }.items():
        row = score(done, kind, name, seed=1, method="random", metric="distance")
        assert row.value == estimate.value
        assert np.isnan(row.low)
    chance = score(done, "chance", seed=1, method="random", metric="best-concept")
    assert chance.value == alone.metrics["best-concept"].chance.value


def test_the_exact_explanation_beats_the_random_one(score: Score, done: Comparison):
    assert score(done, seed=0, method="exact", metric="distance").value < 1e-4
    assert score(done, seed=0, method="random", metric="distance").value > 0.1


def test_figures_of_the_fit_stand_in_the_table(done: Comparison):
    fit = done.table[(done.table.kind == "fit") & (done.table.method == "exact")]
    assert {(row.name, row.value) for row in fit.itertuples()} == {
        ("error", 0.25),
        ("R²: left", 0.5),
        ("R²: right", 1.0),
    }
    assert fit.higher_is_better.isna().all()


def test_a_run_that_fails_is_told_and_stops_nothing(done: Comparison):
    failed = done.table[done.table.method == "refusing"]
    assert set(failed.metric) == {"best-concept", "distance"}
    assert set(failed.status) == {"failed"}
    assert set(failed.reason) == {"no explanation today"}
    assert failed.value.isna().all()
    assert failed.seconds.isna().all()
    assert [str(entry.cell) for entry in done.failures()] == [
        "seed: 0, method: refusing",
        "seed: 1, method: refusing",
    ]
    assert set(done.table[done.table.method != "refusing"].status) == {"ok"}


def test_a_strangers_bug_stops_nothing_either(score: Score, base: Spec, tmp_path: Path):
    ways = {"exact": {}, "broken": {"explain": "broken"}}
    comparison = compare({**base, "vary": {"method": ways}}, out=tmp_path, jobs=1)
    reason = score(comparison, method="broken", metric="distance").reason
    assert reason.startswith("'broken' (explainers) of toyparts 1.0 failed in explain at toyparts.")
    assert reason.endswith(": ZeroDivisionError: by 0")
    assert score(comparison, method="exact", metric="distance").status == "ok"


def test_a_metric_without_a_value_says_why(score: Score, base: Spec, tmp_path: Path):
    comparison = compare({**base, "metrics": ["undefined"]}, out=tmp_path, jobs=1)
    row = score(comparison, metric="undefined")
    assert (row.status, row.reason) == ("skipped", "nothing to measure")
    assert np.isnan(row.value)


def test_data_that_are_missing_fail_their_runs(
    base: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import toyparts

    def fingerprint(data: Any) -> str:
        if data.config.world:
            raise DataError("there is no such world")
        return ""

    monkeypatch.setattr(toyparts.ToyData, "fingerprint", fingerprint)
    vary = {"dataset.world": [0, 1]}
    comparison = compare({**base, "vary": vary}, out=tmp_path, jobs=1)
    (failed,) = comparison.failures()
    assert failed.outcome.reason == "there is no such world"
    assert failed.cell.labels == {"dataset.world": 1}


def test_a_mistake_in_any_run_stops_all_before_the_start(
    grid_spec: Spec, tmp_path: Path, trainings: Trainings
):
    grid_spec["vary"]["method"]["wrong"] = {"graph": {"use": "toy", "imagse": 3}}
    with pytest.raises(SpecError, match=r"imagse.*'images'.*\(in method: wrong\)"):
        compare(grid_spec, out=tmp_path / "runs")
    assert trainings() == []
    assert not (tmp_path / "runs").exists()


def test_what_runs_share_is_computed_once(grid_spec: Spec, trainings: Trainings, tmp_path: Path):
    comparison = compare(grid_spec, out=tmp_path / "runs", jobs=1)
    assert trainings() == ["world 0, 1 thread"] * 2  # for each seed
    stages = [stage for entry in comparison.entries for stage in entry.outcome.computed]
    assert [stages.count(each) for each in ("classifier", "concepts", "graph")] == [2, 2, 2]
    assert stages.count("explain") == stages.count("report") == 4


def test_the_second_comparison_computes_nothing(
    done: Comparison, runs: Path, grid_spec: Spec, trainings: Trainings
):
    again = compare(grid_spec, out=runs, jobs=1)
    assert trainings() == []
    assert not any(entry.outcome.computed for entry in again.entries)
    assert again.directory.name == done.directory.name
    pd.testing.assert_frame_equal(again.table, done.table)


def test_libraries_are_imported_for_children_that_compute_something(
    base: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    imported = []

    def imports(*, training: bool) -> None:
        work.import_libraries(training=training)
        known = ["matplotlib.figure", "sklearn.datasets", *["torch._dynamo"] * training]
        imported.append((training, set(known) <= sys.modules.keys()))

    monkeypatch.setattr("causalxai.comparison.execution.import_libraries", imports)
    compare(base, out=tmp_path / "runs", jobs=1)
    assert imported == [(True, True)]
    compare(base, out=tmp_path / "runs", jobs=1)
    assert imported == [(True, True)]
    compare({**base, "explain": "random"}, out=tmp_path / "runs", jobs=1)
    assert imported[1:] == [(False, True)]


def test_a_comparison_that_was_killed_goes_on(
    grid_spec: Spec, trainings: Trainings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import toyparts

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(toyparts.RandomExplainer, "_explain", killed)
        with pytest.raises(KeyboardInterrupt):
            compare(grid_spec, out=tmp_path / "runs", jobs=1)
    assert not list((tmp_path / "runs").glob("toy-comparison-*"))
    again = compare(grid_spec, out=tmp_path / "runs", jobs=1)
    assert len(trainings()) == 2
    computed = {str(entry.cell): entry.outcome.computed for entry in again.entries}
    assert computed["seed: 0, method: exact"] == ()
    assert "explain" in computed["seed: 0, method: random"]
    assert "graph" not in computed["seed: 0, method: random"]


def test_fresh_comparisons_compute_all_anew_and_what_is_shared_once(
    done: Comparison, runs: Path, grid_spec: Spec, trainings: Trainings
):
    again = compare(grid_spec, out=runs, jobs=1, fresh=True)
    assert len(trainings()) == 2
    pd.testing.assert_series_equal(again.table.value, done.table.value)


def test_a_run_reuses_what_another_machine_has_computed(
    base: Spec, trainings: Trainings, tmp_path: Path
):
    shared = "memory://a-run-reuses"
    first = run(base, out=tmp_path / "one", store=shared)
    again = run(base, out=tmp_path / "other", store=shared)
    assert len(trainings()) == 1
    assert again.summary()["computed"] == []
    assert again.summary()["metrics"] == first.summary()["metrics"]
    assert torch.equal(again.explanation.importance, first.explanation.importance)


def test_files_are_looked_at_once(grid_spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import toyparts

    looked = []
    monkeypatch.setattr(toyparts.ToyData, "fingerprint", lambda data: looked.append(data) or "")
    compare(grid_spec, out=tmp_path / "runs", jobs=1)
    assert len(looked) == 1


def test_a_spec_without_axes_is_a_comparison_of_one(score: Score, base: Spec, tmp_path: Path):
    comparison = compare(base, out=tmp_path, jobs=1)
    assert comparison.axes == ()
    assert comparison.contrast is None
    assert list(comparison.table.columns[:2]) == ["control", "metric"]
    (pooled,) = comparison.pooled()[
        lambda t: (t.metric == "distance") & (t.kind == "score")
    ].itertuples()
    assert pooled.value == score(comparison, metric="distance").value
    (directory,) = set(tmp_path.glob("toy-*")) - {comparison.directory}
    assert directory == run(base, out=tmp_path).directory
    with pytest.raises(ValueError, match="no axis has two or more labels"):
        comparison.differences()


def test_several_specs_are_compared(score: Score, base: Spec, tmp_path: Path):
    other = {**base, "name": "other", "explain": "random"}
    comparison = compare([base, other], overrides=["images.count=3"], out=tmp_path, jobs=1)
    assert comparison.contrast == "spec"
    assert list(dict.fromkeys(comparison.table.spec)) == ["toy", "other"]
    assert score(comparison, spec="other", metric="best-concept").n == 3


def test_progress_counts_the_runs(
    grid_spec: Spec, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level("INFO", logger="causalxai"):
        compare(grid_spec, out=tmp_path, jobs=1)
    assert "seed: 1, method: refusing: failed: no explanation today" in caplog.text
    assert "(6 of 6 runs)" in caplog.text


def test_a_place_that_cannot_be_written_to_is_told(base: Spec, tmp_path: Path):
    (tmp_path / "file").write_text("")
    comparison = compare(base, out=tmp_path / "runs", jobs=1)
    with pytest.raises(DataError, match=r"/comparison.csv: cannot be written: Not a directory"):
        write_comparison(
            replace(comparison, directory=tmp_path / "file" / comparison.directory.name)
        )


@pytest.mark.parametrize("explainer", ["toy", "heat"])
def test_the_explained_images_are_read_once_in_a_run(
    explainer: str, base: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    read: list[torch.Tensor] = []
    encode, respond = ToySpace.encode, ToyOracle._respond

    def counting(space: ToySpace, images: torch.Tensor) -> Units:
        read.append(images.cpu().clone())
        return encode(space, images)

    def answering(*question: Any) -> Response:
        before = len(read)
        response = respond(*question)
        del read[before:]  # what the oracle reads back are its own pictures
        return response

    import toyparts

    make_world = toyparts.toy_world

    def world_made(seed: int) -> ToyWorld:
        before = len(read)
        world = make_world(seed)
        del read[before:]  # a world fits a space of its own, which is not the run's
        return world

    monkeypatch.setattr(ToySpace, "encode", counting)
    monkeypatch.setattr(ToyOracle, "_respond", answering)
    monkeypatch.setattr(toyparts, "toy_world", world_made)
    metrics = ["faithfulness", "interventional-faithfulness", "intervention-validity"]
    spec = {**base, "explain": explainer, "images": {"count": 12}, "metrics": metrics}
    done = run(spec, out=tmp_path / "run")
    assert {result.status for result in done.metrics.values()} == {"ok"}
    assert done.metrics["faithfulness"].translated is (explainer == "heat")
    explained = {_bytes_of(image) for image in done.pipeline.explanation.images}
    assert sum(set(map(_bytes_of, batch)) <= explained for batch in read) == 1
    batches = [_bytes_of(batch) for batch in read]
    assert len(batches) == len(set(batches))


def _bytes_of(image: torch.Tensor) -> bytes:
    return image.cpu().numpy().tobytes()


def test_sanity_is_asked_of_all_but_controls(
    score: Score, done: Comparison, runs: Path, grid_spec: Spec
):
    doubted = compare(grid_spec, out=runs, jobs=1, sanity=True)
    table = doubted.table[doubted.table.metric == "sanity"]
    assert set(table.method) == {"exact", "refusing"}
    row = score(doubted, seed=0, method="exact", metric="sanity")
    assert (row.status, row.translated) == ("ok", False)
    assert 0 < row.value <= row.most
    again = score(doubted, "control", "same weights", seed=0, method="exact", metric="sanity")
    assert again.value == 0
    computed = {stage for entry in doubted.entries for stage in entry.outcome.computed}
    assert computed == {"metrics.sanity", "report"}
    assert "sanity" not in set(done.table.metric)
    assert doubted.reading_notes == (Sanity.reading_note,)
    assert Sanity.reading_note in html.unescape(render_comparison(doubted))
    assert done.reading_notes == ()
    assert Sanity.reading_note not in html.unescape(render_comparison(done))


def test_the_comparisons_spec_says_that_sanity_was_asked(base: Spec, tmp_path: Path):
    vary = {"method": {"exact": {}, "random": {"explain": "random", "control": True}}}
    asked = compare({**base, "vary": vary}, out=tmp_path, jobs=1, sanity=True)
    written = load_grid(asked.directory / "spec.yaml")
    assert written.cells == tuple(entry.cell for entry in asked.entries)
    metrics = [[part.provenance.name for part in cell.spec.metrics] for cell in written.cells]
    assert metrics == [["best-concept", "distance", "sanity"], ["best-concept", "distance"]]
    again = compare(asked.directory / "spec.yaml", out=tmp_path, jobs=1)
    assert not any(entry.outcome.computed for entry in again.entries)
    assert again.directory == asked.directory


def test_a_spec_that_asks_for_sanity_is_a_run_with_the_metric(base: Spec):
    names = [part.provenance.name for part in load_spec({**base, "sanity": True}).metrics]
    assert names == ["best-concept", "distance", "sanity"]


def test_sanity_that_the_spec_asks_for_is_not_asked_twice(score: Score, base: Spec, tmp_path: Path):
    asked = {**base, "metrics": [{"use": "sanity", "images": 3}]}
    comparison = compare(asked, out=tmp_path, jobs=1, sanity=True)
    assert score(comparison, metric="sanity").n == 3
