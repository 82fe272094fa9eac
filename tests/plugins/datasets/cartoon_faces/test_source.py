from __future__ import annotations

import itertools
from collections.abc import Iterator
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
from causalxai.metric import ScoringInputs
from causalxai.plugin import Plugin
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, Check, parametrize_with_checks
from causalxai_datasets.cartoon_faces import ATTRIBUTE_MODEL, ATTRIBUTES, Attribute, CartoonFaces

FEW: dict[str, Any] = {"count": 250, "test_count": 40}


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return iter(())


def load(seed: int = 0, **settings: Any) -> Dataset:
    return CartoonFaces(**{**FEW, **settings}).load(rng=torch_generator(seed))


def concepts(split: Split | None) -> torch.Tensor:
    assert split is not None
    assert split.concepts is not None
    return split.concepts


def edges(data: Dataset) -> set[tuple[str, str]]:
    assert data.graph is not None
    return {(edge.source, edge.target) for edge in data.graph.edges}


def test_faces_labels_and_concepts_have_their_form() -> None:
    data = load(references=60)
    sizes = [len(split) for split in (data.train, data.test, data.reference) if split]

    assert sizes == [250, 40, 60]
    assert data.image_shape == (3, 32, 32)
    assert data.class_names == ("not smiling", "smiling")
    assert data.concept_names == tuple(name for name in ATTRIBUTES if name != "smiling")
    assert data.train.images.dtype == torch.float32
    assert set(concepts(data.train).unique().tolist()) == {0.0, 1.0}
    assert data.graph is not None
    assert data.graph.nodes == data.concept_names


@pytest.mark.parametrize("task", ["male", "heavy make-up"])
def test_any_attribute_may_be_the_task_and_a_concept_too(task: Attribute) -> None:
    data = load(task=task, concepts=(task, "young"), count=80)

    assert data.class_names == (f"not {task}", task)
    assert torch.equal(concepts(data.train)[:, 0].long(), data.train.labels)


def test_the_graph_is_the_attribute_model_over_the_concepts() -> None:
    whole = load(count=80, concepts=ATTRIBUTES)
    assert whole.graph == ATTRIBUTE_MODEL.graph
    some = load(count=80, concepts=("young", "lipstick", "open mouth"))
    assert edges(some) == {("young", "lipstick")}


def test_size_is_that_of_the_images() -> None:
    assert load(size=64, count=80).image_shape == (3, 64, 64)


def test_a_bias_shows_in_training_and_test_and_in_the_graph() -> None:
    bias = {"attribute": "male", "share": 0.7}
    data = load(concepts=("male", "smiling"), bias=bias, count=300, test_count=200, references=150)
    for split in (data.train, data.test):
        male, smiling = concepts(split).bool().T.numpy()
        for rows, share in ((male, 0.7), (~male, 0.3)):
            assert binomtest(int(smiling[rows].sum()), int(rows.sum()), share).pvalue > 1e-5
    assert edges(data) == {("male", "smiling")}
    male, smiling = concepts(data.reference).bool().T.numpy()
    assert binomtest(int((male == smiling).sum()), len(male), 0.5).pvalue > 1e-5


def test_all_attributes_of_the_reference_are_independent_fair_coins() -> None:
    data = load(concepts=ATTRIBUTES, count=60, references=400)
    values = concepts(data.reference).bool().numpy()
    for a, b in itertools.combinations(range(len(ATTRIBUTES)), 2):
        for first, second in itertools.product((True, False), repeat=2):
            cell = (values[:, a] == first) & (values[:, b] == second)
            assert binomtest(int(cell.sum()), len(values), 0.25).pvalue > 1e-7


def test_balanced_classes_are_equally_frequent() -> None:
    labels = load(task="beard", balanced=True, count=400).train.labels

    assert binomtest(int(labels.sum()), 400, 0.5).pvalue > 1e-5
    assert binomtest(int(labels.sum()), 400, ATTRIBUTE_MODEL.probability_of("beard")).pvalue < 1e-5


def test_the_seed_alone_decides_and_training_does_not_depend_on_the_rest() -> None:
    first, again, other = load(), load(test_count=50, references=70), load(seed=1)

    assert torch.equal(first.train.images, again.train.images)
    assert torch.equal(concepts(first.train), concepts(again.train))
    assert torch.equal(first.test.images[:1], again.test.images[:1]) is True
    assert not torch.equal(first.train.images, other.train.images)
    assert not torch.equal(first.train.images[:40], first.test.images)


def test_looks_are_independent_of_attributes() -> None:
    """Let the background, which no attribute covers, be the same for all of them."""
    data = load(concepts=ATTRIBUTES, count=600)
    corner = data.train.images[:, :, 0, 0].numpy()
    values = concepts(data.train).numpy()
    correlations = np.corrcoef(np.concatenate([corner, values], axis=1).T)[:3, 3:]

    assert np.abs(correlations).max() < 5 / np.sqrt(600)


def test_too_few_faces_for_a_concept_to_vary_are_told() -> None:
    with pytest.raises(DataError, match=r"all of 1 training faces (have|lack) .*; draw more"):
        load(count=1)
    with pytest.raises(DataError, match=r"all of 1 reference faces (have|lack) .*; draw more"):
        load(references=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 24}, "greater than or equal to 32"),
        ({"size": 36}, "multiple of 8"),
        ({"task": "happy"}, "Input should be 'straight hair'"),
        ({"concepts": ()}, "at least 1 item"),
        ({"concepts": ("male", "male")}, "'male' is repeated"),
        (
            {"bias": {"attribute": "smiling", "share": 0.7}},
            "another attribute than the task",
        ),
        ({"bias": {"attribute": "male", "share": 1.2}}, "less than 1"),
        ({"bias": {"attribute": "male", "share": 0}}, "greater than 0"),
        ({"bias": {"attribute": "male"}}, "Field required"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CartoonFaces(**wrong)


def bench() -> Bench[Plugin]:
    source = CartoonFaces(count=60, test_count=4, bias={"attribute": "male", "share": 0.3})
    data = source.load(rng=torch_generator(0))
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    classifier = Classifier(model, class_names=data.class_names, image_shape=data.image_shape)
    inputs = ScoringInputs(classifier=classifier, dataset=data, rng=torch_generator(0))
    return Bench(plugin=source, inputs=inputs, images=data.test.images)


@parametrize_with_checks([Case("cartoon-faces", CartoonFaces, bench)])
def test_cartoon_faces_keep_the_promises_of_plugins(case: Case, check: Check) -> None:
    check(case.build())
