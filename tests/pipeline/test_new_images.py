"""Further images are explained with the parts of a run, and nothing is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from causalxai import Run, explain
from causalxai.errors import CapabilityError, DataError
from causalxai.testing import ToyWorld, toy_world


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    return toy_world(0)


@pytest.fixture(scope="module")
def done(world: ToyWorld, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out: Path = tmp_path_factory.mktemp("runs")
    return explain(
        world.classifier, world.dataset, explain="saliency", images={"only": "any"}, out=out
    )


def test_a_runs_own_images_have_the_same_explanation(done: Run) -> None:
    own = done.explanation
    again = done.explain(own.images)
    assert torch.equal(again.target, own.target)
    assert again.maps.keys() == own.maps.keys()
    assert all(torch.allclose(again.maps[name], own.maps[name]) for name in own.maps)


def test_nothing_is_computed_anew(done: Run, world: ToyWorld) -> None:
    before = list(done.pipeline.computed)
    found = done.explain(world.dataset.test[5:7])
    assert torch.equal(found.images, world.dataset.test.images[5:7])
    assert done.pipeline.computed == before


def test_the_target_is_the_callers(done: Run, world: ToyWorld) -> None:
    images = world.dataset.test.images[:2]
    names = world.dataset.class_names
    for target in (1, names[1], torch.tensor([1, 1]), [1, 1]):
        assert done.explain(images, target).target.tolist() == [1, 1]


def test_what_is_no_target_is_refused(done: Run, world: ToyWorld) -> None:
    with pytest.raises(CapabilityError, match=r"target: should be a class's index .*, not 99"):
        done.explain(world.dataset.test.images[:2], 99)


def test_images_of_another_shape_are_refused(done: Run) -> None:
    with pytest.raises(DataError, match="have the shape"):
        done.explain(torch.zeros(1, 1, 2, 2))


def test_a_run_that_explains_nothing_explains_nothing_more(world: ToyWorld, tmp_path: Path) -> None:
    done = explain(world.classifier, world.dataset, concepts=world.space, out=tmp_path)
    with pytest.raises(CapabilityError, match="explains nothing"):
        done.explain(world.dataset.test.images[:1])
