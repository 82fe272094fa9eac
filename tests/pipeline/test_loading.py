"""A finished run is opened again from its folder, and explains further images."""

from __future__ import annotations

import base64
import json
import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from causalxai import Classifier, Run, explain, load
from causalxai.errors import DataError, NotStoredError, SpecError
from causalxai.testing import ToyWorld, toy_world


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    return toy_world(0)


@pytest.fixture(scope="module")
def done(world: ToyWorld, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return explain(
        world.classifier,
        world.dataset,
        explain="saliency",
        images=world.dataset.test[:3],
        metrics=["deletion"],
        out=tmp_path_factory.mktemp("runs"),
    )


def test_a_run_of_objects_needs_the_objects(done: Run, world: ToyWorld) -> None:
    again = load(done.directory, world.classifier, world.dataset)
    assert again.pipeline.keys == done.pipeline.keys
    assert torch.equal(again.explanation.images, done.explanation.images)
    assert again.metrics == done.metrics
    images = world.dataset.test.images[6:8]
    found = again.explain(images)
    assert torch.allclose(found.maps["saliency"], done.explain(images).maps["saliency"])
    assert again.pipeline.computed == []
    with pytest.raises(SpecError, match="dataset and classifier of this run were objects"):
        load(done.directory)
    with pytest.raises(SpecError, match=r"spec.yaml:\d+: dataset of this run were objects"):
        load(done.directory, world.classifier)


def test_other_objects_are_refused(done: Run, world: ToyWorld) -> None:
    old = world.classifier
    network = deepcopy(old.model)
    network[1].bias.data[0] += 1
    other = Classifier(network, class_names=old.class_names, image_shape=old.image_shape)
    with pytest.raises(DataError, match="the classifier is not the one that the run was made with"):
        load(done.directory, other, world.dataset)
    fewer = replace(world.dataset, test=world.dataset.test[:8])
    with pytest.raises(DataError, match="the dataset is not the one that the run was made with"):
        load(done.directory, old, fewer)


def test_a_run_of_a_spec_is_opened_by_its_spec(finished_copy: Path) -> None:
    again = load(next(finished_copy.glob("tiny-*")))
    images = again.dataset.test.images[:1]
    assert len(again.explain(images, "7").target) == 1
    assert again.pipeline.computed == []


def test_changed_parts_of_a_spec_are_told(finished_copy: Path) -> None:
    file = next(finished_copy.glob("tiny-*")) / "spec.yaml"
    file.write_text(file.read_text().replace("seed: 0", "seed: 1"))
    with pytest.raises(NotStoredError, match="the dataset would now be another one"):
        load(file.parent)


def test_results_are_read_from_a_shared_store(world: ToyWorld, tmp_path: Path) -> None:
    store = f"file://{tmp_path}/shared"
    images = world.dataset.test[:2]
    made = explain(
        world.classifier, world.dataset, explain="saliency", images=images, metrics=[],
        out=tmp_path / "there", store=store,
    )  # fmt: skip
    moved = Path(shutil.copytree(made.directory, tmp_path / "here" / made.directory.name))
    again = load(moved, world.classifier, world.dataset, store=store)
    found = again.explanation.maps["saliency"]
    assert torch.equal(found, made.explanation.maps["saliency"])
    assert again.pipeline.computed == []
    with pytest.raises(NotStoredError, match=r"here/.store and file:.*empty: no results for"):
        shutil.rmtree(tmp_path / "here" / ".store")
        load(moved, world.classifier, world.dataset, store=f"file://{tmp_path}/empty")


def test_a_store_without_the_results_is_told(done: Run, world: ToyWorld, tmp_path: Path) -> None:
    moved = tmp_path / done.directory.name
    shutil.copytree(done.directory, moved)
    with pytest.raises(NotStoredError, match="no results for classifier, explain"):
        load(moved, world.classifier, world.dataset)


@pytest.mark.parametrize("content", [None, "no json", "[]", '{"keys": 3}', "{}"])
def test_a_folder_of_no_run_is_told(content: Any, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "provenance.json").write_text(content)
    said = "is not the folder of a run" if content is None else "is damaged"
    with pytest.raises(DataError, match=said):
        load(tmp_path)


def test_a_notebook_shows_the_scores_the_figure_and_where_the_report_is(done: Run) -> None:
    cell = done._repr_html_()
    assert f"<code>{done.report}</code>" in cell
    assert "<b>saliency</b> explains" in cell
    score = done.metrics["deletion"].estimate
    assert score is not None
    assert f">{score.value:.3f}</td>" in cell
    name = min(done.pipeline.report.figures)
    figure = base64.b64encode((done.directory / "figures" / name).read_bytes()).decode()
    assert f"base64,{figure}" in cell
    assert json.dumps(done.summary())


def test_a_run_is_shown_by_its_folder_and_scores(done: Run) -> None:
    score = done.metrics["deletion"].estimate
    assert score is not None
    assert repr(done) == f"Run({done.directory}, deletion {score.value:.3f})"
