"""Explaining a network in memory: the same stages, store and report as those of a spec."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from causalxai import Classifier, Explainer, Explanation, explain, load, run
from causalxai.errors import CapabilityError, SpecError
from causalxai.network.state import state_of
from causalxai.testing import ToyWorld, toy_world
from causalxai.testing.toys import ToyOracle, ToySpace
from causalxai_baselines.gradients import Saliency

EVERYTHING = ["classifier", "explain", "metrics.deletion", "report"]


class Ones(Explainer):
    """An explainer that no distribution has."""

    def _explain(self, images: Tensor, target: Tensor, inputs: Any) -> Explanation:
        return Explanation(images, target, (), None, {"ones": images.sum(dim=1)})


@pytest.fixture
def world() -> ToyWorld:
    return toy_world(0)


def quick(world: ToyWorld, out: Path, **changes: Any) -> Any:
    given = {"classifier": world.classifier, "data": world.dataset, "explain": "saliency"}
    settings = {"images": world.dataset.test[:3], "metrics": ["deletion"], **changes}
    return explain(**{**given, **settings}, out=out)


def test_the_report_is_that_of_a_spec_with_the_same_parts(world: ToyWorld, tmp_path: Path) -> None:
    found = quick(world, tmp_path)
    spec = {
        "causalxai": 1,
        "name": "saliency",
        "dataset": world.dataset,
        "classifier": world.classifier,
        "explain": {"use": "saliency"},
        "images": world.dataset.test.images[:3],
        "metrics": ["deletion"],
    }
    again = run(spec, out=tmp_path)
    assert again.directory == found.directory
    assert again.pipeline.computed == []
    assert found.directory.name.startswith("saliency-")
    page = found.report.read_text()
    assert "<b>Sequential</b> on <b>96 images</b>" in page
    assert torch.equal(found.explanation.images, world.dataset.test.images[:3])
    predicted = world.classifier.predict(found.explanation.images)
    assert torch.equal(found.explanation.target, predicted)


def test_the_same_objects_are_not_computed_again(world: ToyWorld, tmp_path: Path) -> None:
    assert quick(world, tmp_path).pipeline.computed == EVERYTHING
    assert quick(world, tmp_path).pipeline.computed == []
    # Equal objects are as good as the same.
    assert quick(toy_world(0), tmp_path).pipeline.computed == []


def test_a_classifier_at_chance_is_told_whether_it_is_computed_or_stored(
    world: ToyWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    turned = world.dataset.test.labels.roll(1)
    data = replace(world.dataset, test=replace(world.dataset.test, labels=turned))
    guesses = replace(world, dataset=data)

    def told_by(ask: Callable[[], Any]) -> tuple[Any, list[str]]:
        caplog.clear()
        found = ask()
        return found, [line for line in caplog.messages if "no better than chance" in line]

    first, told = told_by(lambda: quick(guesses, tmp_path))
    assert len(told) == 1
    opened = load(first.directory, world.classifier, data)
    for ask in (
        lambda: quick(guesses, tmp_path),
        lambda: quick(guesses, tmp_path, explain="random"),
        lambda: opened.explain(data.test[:1]),
    ):
        assert told_by(ask)[1] == told


def _other_data(world: ToyWorld) -> ToyWorld:
    images = world.dataset.train.images.clone()
    images[-1, 0, 0, 0] = 0.5
    train = replace(world.dataset.train, images=images)
    return replace(world, dataset=replace(world.dataset, train=train))


def _other_network(world: ToyWorld) -> ToyWorld:
    network = deepcopy(world.classifier.model)
    network[1].bias.data[0] += 1e-6
    old = world.classifier
    new = Classifier(network, class_names=old.class_names, image_shape=old.image_shape)
    return replace(world, classifier=new)


@pytest.mark.parametrize("change", [_other_data, _other_network])
def test_changed_objects_are_computed_anew(change: Any, world: ToyWorld, tmp_path: Path) -> None:
    quick(world, tmp_path)
    assert quick(change(world), tmp_path).pipeline.computed == EVERYTHING


def test_other_images_are_explained_anew(world: ToyWorld, tmp_path: Path) -> None:
    quick(world, tmp_path)
    other = quick(world, tmp_path, images=world.dataset.test.images[1:4])
    assert other.pipeline.computed == EVERYTHING[1:]
    selected = quick(world, tmp_path, images={"count": 2, "only": "any"})
    assert len(selected.explanation.images) == 2


def test_the_users_objects_are_left_as_they_are(world: ToyWorld, tmp_path: Path) -> None:
    network = state_of(world.classifier.model)
    images = world.dataset.test.images.clone()
    quick(world, tmp_path)
    assert state_of(world.classifier.model) == network
    assert torch.equal(world.dataset.test.images, images)


def test_plugins_may_be_instances(world: ToyWorld, tmp_path: Path) -> None:
    by_name = quick(world, tmp_path)
    assert quick(world, tmp_path, explain=Saliency()).directory == by_name.directory
    own = quick(world, tmp_path, explain=Ones())
    assert own.directory.name.startswith("Ones-")
    assert own.spec.live == ("dataset", "classifier", "explain", "images")
    assert quick(world, tmp_path, explain=Ones()).pipeline.computed == []


def test_a_fitted_space_is_not_fitted_again(
    world: ToyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(world.space), "fit", None)
    oracle = ToyOracle(world.oracle.config)
    found = quick(
        world, tmp_path, explain="single-effects", concepts=world.space, oracle=oracle, metrics=[]
    )
    assert found.space.names() == world.space.names()
    values = found.space.encode(world.dataset.test.images).values
    assert torch.equal(values, world.space.encode(world.dataset.test.images).values)


def test_the_written_spec_says_what_it_cannot_hold(world: ToyWorld, tmp_path: Path) -> None:
    found = quick(world, tmp_path)
    assert found.spec.live == ("dataset", "classifier", "images")
    text = (found.directory / "spec.yaml").read_text()
    assert text.startswith("# dataset, classifier, images: given in Python as objects")
    assert text.count("use: live") == 4
    with pytest.raises(SpecError) as refused:
        run(found.directory / "spec.yaml", out=tmp_path)
    assert len(refused.value.problems) == 1
    assert "dataset and classifier and images of this run were objects" in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"classifier": torch.nn.Linear(1, 1)}, r"^spec: classifier: should be a .*Classifier\(m"),
        ({"data": torch.ones(1)}, "^spec: dataset: should be a causalxai.Dataset, .* not a Tensor"),
        ({"explain": ToySpace()}, "^spec: explain: should be a causalxai.Explainer, .* ToySpace"),
        ({"images": torch.ones(1)}, r"^spec: images: the images should be \[n, c, h, w\]"),
        ({"explain": None}, "^spec: the spec asks for nothing: set 'method'"),
        ({"explain": "salience"}, "^spec: explain: there is no explainer .* did you mean 'salie"),
        ({"colour": 3}, "^spec: colour: unknown key"),
    ],
)
def test_mistakes_are_told_before_anything_is_done(
    changes: dict[str, Any], said: str, world: ToyWorld, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=said):
        quick(world, tmp_path, **changes)
    assert list(tmp_path.iterdir()) == []


def test_images_of_another_shape_are_refused_before_training(
    world: ToyWorld, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match="the images to explain have the shape"):
        quick(world, tmp_path, images=torch.zeros(2, 1, 3, 3))


def test_wrongly_classified_images_are_told(
    world: ToyWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    split = world.dataset.test[:4]
    quick(world, tmp_path, images=replace(split, labels=world.classifier.predict(split.images)))
    assert "not classified" not in caplog.text
    labels = 1 - (world.classifier.predict(split.images) == 1).long()
    quick(
        world, tmp_path, images=replace(split, images=split.images.flip(0), labels=labels.flip(0))
    )
    assert "4 of the 4 are not classified as they are labelled" in caplog.text


def test_images_are_arrays_and_the_class_is_asked_for(world: ToyWorld, tmp_path: Path) -> None:
    images, names = world.dataset.test.images[:3], world.dataset.class_names
    given = {"images": images.numpy(), "target": [names[2], 0, 1]}
    done = quick(world, tmp_path, **given)
    assert torch.equal(done.explanation.images, images)
    assert done.explanation.target.tolist() == [2, 0, 1]
    opened = load(done.directory, world.classifier, world.dataset)
    assert opened.explanation.target.tolist() == [2, 0, 1]
    selected = quick(world, tmp_path, images={"count": 2}, target=names[1])
    assert selected.explanation.target.tolist() == [1, 1]
    with pytest.raises(SpecError, match=r"images.target: .*there is no class 'nothing'"):
        quick(world, tmp_path, target="nothing")
    with pytest.raises(SpecError, match="images: target should be a class's index or name"):
        quick(world, tmp_path, target=0.5)
    with pytest.raises(SpecError, match="target has 1 classes for 3 images"):
        quick(world, tmp_path, target=[0])


def test_a_run_may_have_a_name_and_fresh_is_one_of_three(world: ToyWorld, tmp_path: Path) -> None:
    assert quick(world, tmp_path, name="my run/3").directory.name.startswith("my-run-3-")
    with pytest.raises(CapabilityError, match="fresh: should be one of nothing, report, every"):
        quick(world, tmp_path, fresh="all")
    with pytest.raises(SpecError, match="method: should be text"):
        quick(world, tmp_path, method=3)
