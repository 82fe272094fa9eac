"""The whole way from a spec to a directory, with a network so small that it runs in seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML
from safetensors.torch import load_file
from torch import Tensor

from causalxai import CausalGraph, Checkpoint, Classifier, Run, run
from causalxai.config import load_spec
from causalxai.errors import NotStoredError
from causalxai.pipeline import keys
from causalxai.pipeline.rendering import render
from causalxai.pipeline.stage_results import Fresh
from causalxai.pipeline.stages import Pipeline
from causalxai.plugin import registry
from causalxai.report.builder import GraphReport
from causalxai.storage.record import Record
from causalxai.storage.store import Store
from causalxai_interventional.explainer import InterventionalExplainer
from causalxai_models.lenet import LeNetClassifier

Spec = dict[str, Any]

STAGES = ["classifier", "concepts", "graph", "explain", "metrics.deletion", "metrics.correction"]
SAME_FOR_THE_SAME_SPEC = (
    "report.html",
    "results.json",
    "concepts.json",
    "provenance.json",
    "spec.yaml",
    "graph.json",
    "graph.graphml",
    "graph.dot",
    "explanation/tensors.safetensors",
    "explanation/meta.json",
)


def keys_of(spec: Spec | Path, *overrides: str, device: str = "cpu") -> dict[str, str]:
    resolved = load_spec(spec, overrides)
    return Pipeline(resolved, Store(Path("nowhere")), device=torch.device(device)).keys


@pytest.fixture
def open_pipeline(finished_copy: Path, tiny_spec: Spec) -> Callable[..., Pipeline]:
    """Open the tiny spec's pipeline on a copy of its store, with some keys changed."""

    def opened(fresh: Fresh = "nothing", **changed: object) -> Pipeline:
        resolved = load_spec({**tiny_spec, **changed})
        store = Store(finished_copy / ".store")
        return Pipeline(resolved, store, device=torch.device("cpu"), fresh=fresh)

    return opened


@pytest.fixture(scope="module")
def other_seed(tmp_path_factory: pytest.TempPathFactory, finished: Run) -> Run:
    spec = finished.directory / "spec.yaml"
    return run(spec, overrides=["seed=1"], out=tmp_path_factory.mktemp("other"))


def test_a_run_leaves_everything_in_its_directory(finished: Run):
    directory = finished.directory
    assert directory.name == f"tiny-{finished.pipeline.keys['report'][:8]}"
    files = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    figures = {name for name in files if name.startswith("figures/")}
    assert files - figures == {*SAME_FOR_THE_SAME_SPEC, "log.txt"}
    assert "figures/01-causal-graph.svg" in figures
    assert "figures/04-effects-of-single-edges-1.png" in figures
    assert finished.report == directory / "report.html"


def test_the_directory_says_what_the_run_object_says(finished: Run):
    directory = finished.directory
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    assert list(results) == list(finished.metrics) == ["deletion", "correction"]
    for name, result in finished.metrics.items():
        assert results[name] == json.loads(json.dumps(result.to_json()))
        assert result.status == "ok"
    for suffix in ("json", "graphml", "dot"):
        graph = CausalGraph.load(directory / f"graph.{suffix}")
        assert graph == finished.graph
        assert graph.nodes == finished.graph.nodes
    stored = load_file(directory / "explanation" / "tensors.safetensors")
    assert torch.equal(stored["images"], finished.explanation.images)
    assert torch.equal(stored["importance"], finished.explanation.importance)
    provenance = json.loads((directory / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["keys"] == finished.pipeline.keys
    assert provenance["seed"] == 0
    assert provenance["plugins"]["dataset"]["name"] == "digits"


def test_a_run_explains_what_the_spec_selects(finished: Run):
    explanation = finished.explanation
    assert explanation.target.tolist() == [0, 7]
    assert finished.classifier.predict(explanation.images).tolist() == [0, 7]
    assert all((finished.dataset.test.images == image).all(dim=(1, 2, 3)).any()
               for image in explanation.images)  # fmt: skip
    assert finished.oracle.space is finished.pipeline.space


def test_the_first_run_computes_each_stage_once(finished: Run):
    assert finished.pipeline.computed == [*STAGES, "report"]
    assert finished.pipeline.reused == []
    summary = finished.summary()
    assert json.loads(json.dumps(summary)) == summary
    assert summary["computed"] == [*STAGES, "report"]


def test_the_second_run_computes_nothing(finished_copy: Path, tiny_spec: Spec, finished: Run):
    again = run(tiny_spec, out=finished_copy)
    assert again.pipeline.computed == []
    assert {"report", "graph", "explain", "metrics.deletion"} <= set(again.pipeline.reused)
    assert again.directory == finished_copy / finished.directory.name
    assert again.report.read_bytes() == finished.report.read_bytes()
    # Neither the data nor the network were needed.
    assert not {"dataset", "classifier", "oracle"} & set(vars(again.pipeline))


def test_a_report_from_the_store_is_the_report_of_the_first_run(
    finished_copy: Path, tiny_spec: Spec, finished: Run
):
    again = run(tiny_spec, out=finished_copy, fresh="report")
    assert again.pipeline.computed == ["report"]
    assert sorted(again.pipeline.reused) == sorted(STAGES)
    assert again.report.read_bytes() == finished.report.read_bytes()


@pytest.mark.parametrize("stage", STAGES)
def test_a_report_alone_computes_nothing_that_it_shows(
    stage: str, finished_copy: Path, tiny_spec: Spec
):
    shutil.rmtree(finished_copy / ".store" / stage)
    before = sorted(finished_copy.rglob("*"))
    with pytest.raises(NotStoredError, match=f"no results for {stage}: they were computed"):
        run({**tiny_spec, "name": "other"}, out=finished_copy, fresh="report")
    assert sorted(finished_copy.rglob("*")) == before


def test_a_fresh_pipeline_reuses_nothing(open_pipeline: Callable[..., Pipeline], finished: Run):
    pipeline = open_pipeline(fresh="everything")
    explanation = pipeline.explanation
    assert pipeline.computed == ["classifier", "concepts", "graph", "explain"]
    assert pipeline.reused == []
    assert torch.equal(explanation.importance, finished.explanation.importance)


def test_all_results_are_made_anew_where_the_core_changes_what_they_mean(
    tiny_spec: Spec, monkeypatch: pytest.MonkeyPatch
):
    before = keys_of(tiny_spec)
    monkeypatch.setattr(keys, "RESULTS_VERSION", keys.RESULTS_VERSION + 1)
    assert not set(before.values()) & set(keys_of(tiny_spec).values())


@pytest.mark.usefixtures("undrawn")
def test_a_changed_metric_is_all_that_is_computed(finished_copy: Path, tiny_spec: Spec):
    again = run(tiny_spec, overrides=["metrics.0.steps=5"], out=finished_copy)
    assert again.pipeline.computed == ["metrics.deletion", "report"]
    assert sorted(again.pipeline.reused) == sorted(set(STAGES) - {"metrics.deletion"})


def test_settings_written_out_are_the_same_settings(tiny_spec: Spec):
    written_out = deepcopy(tiny_spec)
    written_out["metrics"][0] = {"use": "deletion", "steps": 20}
    written_out["oracle"] = {"use": "parameters"}
    assert keys_of(written_out) == keys_of(tiny_spec)


def test_the_same_spec_and_seed_give_the_same_bytes(finished: Run, tiny_spec: Spec, tmp_path: Path):
    with torch.random.fork_rng():
        torch.manual_seed(99)  # Whatever has been drawn from torch's own generator before.
        again = run(tiny_spec, out=tmp_path / "elsewhere")
    assert again.pipeline.computed == [*STAGES, "report"]
    for name in SAME_FOR_THE_SAME_SPEC:
        ours, theirs = again.directory / name, finished.directory / name
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_another_seed_gives_other_results(finished: Run, other_seed: Run):
    assert other_seed.directory.name != finished.directory.name
    # Nothing is learned of parameters, so that there is nothing to tell of the fit.
    for name in set(SAME_FOR_THE_SAME_SPEC) - {"concepts.json"}:
        ours, theirs = other_seed.directory / name, finished.directory / name
        assert ours.read_bytes() != theirs.read_bytes(), name


def test_the_written_spec_is_the_spec(finished: Run):
    written = finished.directory / "spec.yaml"
    assert keys_of(written) == finished.pipeline.keys
    assert load_spec(written) == finished.pipeline.spec
    assert YAML(typ="safe").load(written)["metrics"][0] == {
        "use": "deletion",
        "steps": 20,
        "baseline": "black",
    }


def test_a_killed_run_goes_on_where_it_was(
    tiny_spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: Run
):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(InterventionalExplainer, "_explain", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tiny_spec, out=tmp_path)
    assert not list(tmp_path.rglob("report.html"))
    again = run(tiny_spec, out=tmp_path)
    assert again.pipeline.reused == ["classifier", "concepts", "graph"]
    assert again.pipeline.computed == [
        "explain",
        "metrics.deletion",
        "metrics.correction",
        "report",
    ]
    for name in SAME_FOR_THE_SAME_SPEC:
        ours, theirs = again.directory / name, finished.directory / name
        assert ours.read_bytes() == theirs.read_bytes(), name


@pytest.mark.parametrize(("fresh", "epoch"), [("nothing", 1), ("everything", None)])
def test_a_fresh_training_does_not_go_on_but_can_be_gone_on_with(
    fresh: Fresh,
    epoch: int | None,
    open_pipeline: Callable[..., Pipeline],
    monkeypatch: pytest.MonkeyPatch,
):
    found = []

    def fit(*_: object, checkpoint: Checkpoint, **__: object) -> None:
        stored = checkpoint.load()
        found.append(stored and stored.meta["epoch"])
        checkpoint.save(Record(meta={"epoch": 2}))
        raise KeyboardInterrupt

    pipeline = open_pipeline(fresh, seed=1)
    kept = pipeline.store.checkpoint("classifier", pipeline.keys["classifier"])
    kept.save(Record(meta={"epoch": 1}))
    monkeypatch.setattr(LeNetClassifier, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        _ = pipeline.classifier
    assert found == [epoch]
    assert kept.load() == Record(meta={"epoch": 2})


def test_a_damaged_result_is_computed_anew(
    finished_copy: Path, tiny_spec: Spec, finished: Run, caplog: pytest.LogCaptureFixture
):
    (meta,) = (finished_copy / ".store" / "metrics.deletion").glob("*/meta.json")
    meta.write_text(meta.read_text().replace('"deletion"', '"delation"'))
    again = run(tiny_spec, out=finished_copy)
    assert again.pipeline.computed == ["metrics.deletion"]
    assert "is damaged" in caplog.text
    assert again.metrics == finished.metrics


@pytest.mark.usefixtures("undrawn")
def test_a_failing_metric_costs_no_run(
    finished_copy: Path, tiny_spec: Spec, monkeypatch: pytest.MonkeyPatch
):
    from causalxai.metrics.pixel_flipping import Insertion

    def fail(*_: object) -> None:
        raise ZeroDivisionError("by 0")

    spec = {**tiny_spec, "metrics": ["insertion"]}
    with monkeypatch.context() as patch:
        patch.setattr(Insertion, "areas", fail)
        done = run(spec, out=finished_copy)
    assert done.metrics["insertion"].status == "failed"
    reason = done.summary()["metrics"]["insertion"]["reason"]
    assert reason.startswith("'insertion' (metrics) of causalxai ")
    assert reason.endswith("ZeroDivisionError: by 0")
    assert "ZeroDivisionError: by 0" in done.report.read_text(encoding="utf-8")
    # Neither the failure nor the report that shows it is kept.
    again = run(spec, out=finished_copy)
    assert again.metrics["insertion"].status == "ok"
    assert again.pipeline.computed == ["metrics.insertion", "report"]
    assert "ZeroDivisionError" not in again.report.read_text(encoding="utf-8")


def test_a_stage_can_be_asked_for_alone(open_pipeline: Callable[..., Pipeline], finished: Run):
    pipeline = open_pipeline()
    images = finished.explanation.images
    ours, theirs = pipeline.classifier.logits(images), finished.classifier.logits(images)
    assert torch.equal(ours, theirs)
    assert (pipeline.reused, pipeline.computed) == (["classifier"], [])


@pytest.mark.usefixtures("undrawn")
def test_the_graph_comes_first_and_is_drawn_once(finished: Run, monkeypatch: pytest.MonkeyPatch):
    def figures() -> list[str]:
        report = render(finished.pipeline.reported(), finished.pipeline.watch)
        return sorted(report.figures)

    assert figures()[0] == "01-causal-graph.svg"
    build = registry.load_report_builder("graph_discoverers", "interventional")

    def drawn(*parts: Any) -> GraphReport:
        return replace(build(*parts), draws_graph=True)

    monkeypatch.setattr("causalxai_interventional.report.graph.graph_report", drawn)
    assert "01-causal-graph.svg" not in figures()


def test_the_classifier_is_examined_on_the_images_of_the_data(
    open_pipeline: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
):
    seen: list[Tensor] = []
    monkeypatch.setattr(Classifier, "examine", lambda _self, images: seen.append(images))
    pipeline = open_pipeline()
    assert pipeline.classifier is pipeline.classifier
    assert len(seen) == 1 and torch.equal(seen[0], pipeline.dataset.test.images)
