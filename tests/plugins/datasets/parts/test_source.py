from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.stats import binomtest
from torch import nn

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset
from causalxai.errors import DataError
from causalxai.metric import ScoringInputs
from causalxai.plugin import Plugin
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, Check, parametrize_with_checks
from causalxai_datasets.parts import CLASSES, PARTS, Parts


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return iter(())


def load(seed: int = 0, **settings: Any) -> Dataset:
    few = {"count": 60, "test_count": 20}
    return Parts(**{**few, **settings}).load(rng=torch_generator(seed))


def concepts(data: Dataset) -> torch.Tensor:
    assert data.train.concepts is not None
    return data.train.concepts


def test_birds_labels_and_concepts_have_their_form() -> None:
    data = load(references=30)

    assert [len(part) for part in (data.train, data.test, data.reference) if part] == [60, 20, 30]
    assert data.image_shape == (3, 32, 32)
    assert data.class_names == tuple(f"bird {number}" for number in range(1, 7))
    assert data.concept_names == PARTS
    assert data.graph is not None
    assert (data.graph.nodes, data.graph.edges) == (PARTS, ())
    assert set(concepts(data).unique().tolist()) == {0.0, 1.0}


def test_any_two_classes_differ_in_three_parts_or_more() -> None:
    for one, other in itertools.combinations(CLASSES, 2):
        assert (one != other).sum() >= 3
    assert set(CLASSES.ravel()) == {0, 1, 2}


def test_parts_are_present_as_often_as_asked_for_and_independently() -> None:
    data = load(count=200, kept=0.7)
    values = concepts(data).numpy()
    for column in values.T:
        assert binomtest(int(column.sum()), 200, 0.7).pvalue > 1e-5
    with_label = np.corrcoef(np.column_stack([values, data.train.labels]).T)
    assert np.abs(with_label - np.eye(len(with_label))).max() < 5 / np.sqrt(200)
    assert set(data.train.labels.tolist()) == set(range(6))


def test_birds_of_a_class_have_the_same_parts_and_other_classes_other_ones() -> None:
    """Draw all with all parts: at its places, birds of a class differ least from each other."""
    data = load(count=24, classes=2)
    assert data.renderer is not None
    units = data.renderer.recognise(data.train.images[:])
    whole = torch.ones(1, 24, len(PARTS))
    drawn, masks = data.renderer.draw(units, whole)[0], data.renderer.masks(units, whole)
    wing = torch.stack([image[:, mask].mean(dim=1) for image, mask in zip(
        drawn, masks["wing"][0], strict=True
    )])  # fmt: skip
    away = torch.cdist(wing, wing)
    same = data.train.labels[:, None] == data.train.labels
    assert away[same].max() < 0.5 * away[~same].min()


def test_the_seed_alone_decides_and_training_does_not_depend_on_the_rest() -> None:
    first, again, other = load(), load(test_count=30, references=20), load(seed=1)

    assert torch.equal(first.train.images, again.train.images)
    assert torch.equal(first.train.labels, again.train.labels)
    assert not torch.equal(first.train.images, other.train.images)


def test_too_few_birds_for_a_part_to_vary_are_told() -> None:
    with pytest.raises(DataError, match=r"it is [01] in all of 1 training images; draw more"):
        load(count=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 24}, "greater than or equal to 32"),
        ({"classes": 10}, "less than or equal to 9"),
        ({"kept": 1.0}, "less than 1"),
        ({"absence": "hidden"}, "'removed' or 'exchanged'"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Parts(**wrong)


SOURCE = Parts(count=40, test_count=4)


@cache
def few() -> Dataset:
    return SOURCE.load(rng=torch_generator(0))


def bench() -> Bench[Plugin]:
    data = few()
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 6))
    classifier = Classifier(model, class_names=data.class_names, image_shape=data.image_shape)
    inputs = ScoringInputs(classifier=classifier, dataset=data, rng=torch_generator(0))
    return Bench(plugin=SOURCE, inputs=inputs, images=data.test.images)


@parametrize_with_checks([Case("parts", Parts, bench)])
def test_parts_keep_the_promises_of_plugins(case: Case, check: Check) -> None:
    check(case.build())
