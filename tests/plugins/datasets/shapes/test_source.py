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
from causalxai.dataset import Dataset, Split
from causalxai.errors import DataError
from causalxai.graph import EdgeKind
from causalxai.metric import ScoringInputs
from causalxai.plugin import Plugin
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, Check, parametrize_with_checks
from causalxai_datasets.shapes import PROPERTIES, Shapes


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return iter(())


def load(seed: int = 0, **settings: Any) -> Dataset:
    few = {"count": 60, "test_count": 20}
    return Shapes(**{**few, **settings}).load(rng=torch_generator(seed))


def properties(split: Split | None) -> dict[str, np.ndarray]:
    assert split is not None
    assert split.concepts is not None
    return dict(zip(PROPERTIES, split.concepts.bool().numpy().T, strict=True))


def edges(data: Dataset) -> set[frozenset[str]]:
    assert data.graph is not None
    assert all(edge.kind is EdgeKind.BIDIRECTED for edge in data.graph.edges)
    return {edge.pair for edge in data.graph.edges}


def is_half(values: np.ndarray) -> bool:
    return bool(binomtest(int(values.sum()), len(values), 0.5).pvalue > 1e-5)


def test_scenes_labels_and_concepts_have_their_form() -> None:
    data = load(references=30)

    assert [len(part) for part in (data.train, data.test, data.reference) if part] == [60, 20, 30]
    assert data.image_shape == (3, 32, 32)
    assert data.concept_names == PROPERTIES


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ({"blue": True, "cube": True, "large": True}, "large blue cube"),
        ({"cube": False}, "ball"),
        ({"large": False, "blue": False}, "small red object"),
    ],
)
def test_classes_follow_the_rule_and_half_of_the_objects_fit(
    rule: dict[str, bool], name: str
) -> None:
    data = load(rule=rule, count=100, references=40)
    assert data.class_names == ("other", name)
    for split in (data.train, data.test, data.reference):
        own = properties(split)
        fits = np.all([own[prop] == value for prop, value in rule.items()], axis=0)
        assert split is not None
        assert np.array_equal(split.labels.numpy(), fits)
    assert is_half(data.train.labels.numpy())


def test_objects_that_do_not_fit_are_of_all_kinds_alike() -> None:
    data = load(count=280, confounding=0.5)
    own = properties(data.train)
    other = data.train.labels.numpy() == 0
    for chosen in itertools.product((False, True), repeat=3):
        same = [
            own[name] == value
            for name, value in zip(("cube", "large", "blue"), chosen, strict=True)
        ]
        count = int(np.all(same, axis=0)[other].sum())
        expected = 0 if all(chosen) else 1 / 7
        assert binomtest(count, int(other.sum()), expected).pvalue > 1e-5


def test_the_confounder_agrees_with_the_class_in_training_alone() -> None:
    data = load(count=100, test_count=100, confounder="blue", rule={"cube": True, "large": True})
    train, test = (properties(split) for split in (data.train, data.test))

    assert np.array_equal(train["blue"], data.train.labels.numpy())
    assert is_half(test["blue"] == data.test.labels.numpy())
    assert is_half(train["striped"] == data.train.labels.numpy())
    assert edges(data) == {
        frozenset(pair) for pair in itertools.combinations(("cube", "large", "blue"), 2)
    }


def test_confounding_is_dialled() -> None:
    strong, none = (load(count=160, confounding=share) for share in (0.9, 0.5))
    agrees = properties(strong.train)["striped"] == strong.train.labels.numpy()

    assert binomtest(int(agrees.sum()), 160, 0.9).pvalue > 1e-5
    assert not any("striped" in pair for pair in edges(none))
    assert frozenset(("cube", "striped")) in edges(strong)


def test_properties_of_the_reference_are_independent_and_as_frequent_as_in_training() -> None:
    own = properties(load(references=250).reference)
    for one, other in itertools.combinations(PROPERTIES, 2):
        assert abs(np.corrcoef(own[one], own[other])[0, 1]) < 5 / np.sqrt(250)
    # Half of the objects fit, and three of seven of the others are cubes, too.
    assert binomtest(int(own["cube"].sum()), 250, 0.5 + 0.5 * 3 / 7).pvalue > 1e-5


def test_the_seed_alone_decides_and_training_does_not_depend_on_the_rest() -> None:
    first, again, other = load(), load(test_count=30, references=20), load(seed=1)

    assert torch.equal(first.train.images, again.train.images)
    assert torch.equal(first.train.labels, again.train.labels)
    assert not torch.equal(first.train.images, other.train.images)


def test_too_few_scenes_for_a_property_to_vary_are_told() -> None:
    with pytest.raises(DataError, match=r"it is [01] in all of 1 training images; draw more"):
        load(count=1)
    with pytest.raises(DataError, match=r"it is [01] in all of 1 reference images; draw more"):
        load(references=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 36}, "multiple of 8"),
        ({"rule": {}}, "at least 1 item"),
        ({"rule": {"round": True}}, "Input should be 'cube'"),
        ({"confounder": "cube"}, "'cube' is part of the rule; others are striped"),
        (
            {"rule": dict.fromkeys(PROPERTIES, True)},
            "'striped' is part of the rule; leave a property out",
        ),
        ({"confounding": 1.2}, "less than or equal to 1"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Shapes(**wrong)


SOURCE = Shapes(count=40, test_count=4)


@cache
def few() -> Dataset:
    return SOURCE.load(rng=torch_generator(0))


def bench() -> Bench[Plugin]:
    data = few()
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    classifier = Classifier(model, class_names=data.class_names, image_shape=data.image_shape)
    inputs = ScoringInputs(classifier=classifier, dataset=data, rng=torch_generator(0))
    return Bench(plugin=SOURCE, inputs=inputs, images=data.test.images)


@parametrize_with_checks([Case("shapes", Shapes, bench)])
def test_shapes_keep_the_promises_of_plugins(case: Case, check: Check) -> None:
    check(case.build())
