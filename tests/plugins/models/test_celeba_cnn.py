from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, fx

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError, DataError
from causalxai.metric import ScoringInputs
from causalxai.plugin import Plugin
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, Check, parametrize_with_checks
from causalxai_datasets.cartoon_faces import CartoonFaces
from causalxai_models.celeba_cnn import CelebACnn, CelebACnnClassifier

CPU = torch.device("cpu")


def sides_seen(model: CelebACnn, side: int) -> list[int]:
    """Return the sides of the maps that the convolutions see."""
    seen: list[int] = []
    for number in range(1, 7):
        model.get_submodule(f"conv{number}").register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0].shape[-1])
        )
    model(torch.rand(1, 3, side, side))
    return seen


@pytest.mark.parametrize(
    ("side", "seen"),
    [
        (16, [16, 16, 16, 16, 8, 8]),
        (32, [32, 32, 16, 16, 8, 8]),
        (64, [64, 32, 16, 16, 8, 8]),
        (128, [128, 64, 32, 16, 8, 8]),
    ],
)
def test_pooling_leaves_a_map_of_four_by_four(side: int, seen: list[int]) -> None:
    model = CelebACnn((3, side, side), 2, width=2)

    assert sides_seen(model, side) == seen
    assert model.fc1.in_features == 8 * 4 * 4


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 33, 50), (3, 96, 96)])
def test_any_shape_of_image_becomes_logits(shape: tuple[int, int, int]) -> None:
    assert CelebACnn(shape, 5, width=2, hidden=7)(torch.rand(2, *shape)).shape == (2, 5)


def test_images_that_are_too_small_are_told() -> None:
    with pytest.raises(DataError, match="8 x 8 pixels or more, not 7 x 28"):
        CelebACnn((1, 7, 28), 2)


def test_it_can_be_traced_and_no_relu_is_used_twice() -> None:
    model = CelebACnn((3, 16, 16), 3, width=2, attributes=2).eval()
    images = torch.rand(2, 3, 16, 16)
    traced = fx.symbolic_trace(model)
    calls = [node.target for node in traced.graph.nodes if node.op == "call_module"]

    assert torch.equal(traced(images), model(images))
    assert len(set(calls)) == len(calls)
    assert {f"relu{number}" for number in range(1, 8)} <= set(calls)


def faces(attributes: bool = True) -> Dataset:
    """Return noise with a bright top (class 1) and a bright left (a concept, independently)."""
    rng = torch_generator(0, "faces")
    images = torch.rand(60, 3, 16, 16, generator=rng) * 0.5
    labels, left = torch.arange(60) % 2, torch.arange(60) // 2 % 2
    images[labels == 1, :, :8] += 0.25
    images[left == 1, :, :, :8] += 0.25
    data = CartoonFaces(count=60, test_count=2, concepts=("male",)).load(rng=rng)
    concepts = left[:, None].float() if attributes else None
    split = replace(data.train, images=images, labels=labels, concepts=concepts)
    return replace(data, train=split, test=split)


def fit(dataset: Dataset, **settings: object) -> Classifier:
    settings = {"width": 4, "hidden": 16, "epochs": 30, "batch_size": 16, **settings}
    return CelebACnnClassifier(**settings).fit(dataset, rng=torch_generator(0), device=CPU)


def test_the_classifier_takes_its_sizes_from_the_config() -> None:
    classifier = fit(faces(), epochs=0, width=3, hidden=5, dropout=0.25)

    assert classifier.model.conv6.weight.shape == (12, 12, 3, 3)
    assert classifier.model.fc1.out_features == 5
    assert classifier.model.dropout.p == 0.25
    assert classifier.feature_layer == "fc1"
    assert classifier.hidden("fc1").shape == (5,)
    assert classifier.head.name == "fc2"


def test_the_second_head_learns_the_concepts_and_the_first_the_task() -> None:
    data = faces()
    model = fit(data, attributes=True, width=8, hidden=32, epochs=40).model
    assert isinstance(model, CelebACnn)
    with torch.no_grad():
        heard = model.attribute_logits(data.train.images)
        said = model(data.train.images).argmax(dim=1)

    assert data.train.concepts is not None
    assert torch.equal((heard > 0).float(), data.train.concepts)
    assert torch.equal(said, data.train.labels)


def test_both_heads_see_the_same_embedding() -> None:
    model = CelebACnn((3, 16, 16), 2, width=2, hidden=6, attributes=3).eval()
    images = torch.rand(4, 3, 16, 16)
    embedding = model.embed(images)

    assert embedding.shape == (4, 6)
    assert bool((embedding >= 0).all())
    assert torch.equal(model(images), model.fc2(embedding))
    assert model.attribute_logits(images).shape == (4, 3)
    assert torch.equal(model.attribute_logits(images), model.of_attributes(embedding))


def test_a_network_without_attributes_says_so() -> None:
    with pytest.raises(CapabilityError, match="attributes: true"):
        CelebACnn((3, 16, 16), 2, width=2).attribute_logits(torch.rand(1, 3, 16, 16))


def test_attributes_need_concepts_of_zero_and_one() -> None:
    data = faces()
    with pytest.raises(DataError, match="whose concepts are known"):
        fit(faces(attributes=False), attributes=True)
    odd = replace(data, train=replace(data.train, concepts=torch.full((60, 1), 0.5)))
    with pytest.raises(DataError, match="0 or 1; 'male' is not"):
        fit(odd, attributes=True)


def test_a_stored_classifier_comes_back_with_both_heads() -> None:
    data = faces()
    source = CelebACnnClassifier(width=2, hidden=5, epochs=1, attributes=True)
    classifier = source.fit(data, rng=torch_generator(0), device=CPU)
    restored = source.restore(source.to_record(classifier), data, CPU)
    pairs: list[tuple[Tensor, Tensor]] = [
        (
            classifier.model.attribute_logits(data.test.images),
            restored.model.attribute_logits(data.test.images),
        ),
        (classifier.logits(data.test.images), restored.logits(data.test.images)),
    ]

    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("wrong", [{"hidden": 0}, {"dropout": 1.0}, {"width": 0}, {"epoch": 3}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CelebACnnClassifier(**wrong)


def bench() -> Bench[Plugin]:
    data = faces()
    inputs = ScoringInputs(classifier=fit(data, epochs=0), dataset=data, rng=torch_generator(0))
    source = CelebACnnClassifier(width=2, attributes=True)
    return Bench(plugin=source, inputs=inputs, images=data.test.images)


@parametrize_with_checks([Case("celeba-cnn", CelebACnnClassifier, bench)])
def test_celeba_cnn_keeps_the_promises_of_plugins(case: Case, check: Check) -> None:
    check(case.build())


@pytest.mark.slow
@pytest.mark.parametrize("task", ["smiling", "male", "young", "heavy make-up"])
def test_it_learns_cartoon_faces_in_half_a_minute(task: str) -> None:
    data = CartoonFaces(task=task).load(rng=torch_generator(0))
    classifier = CelebACnnClassifier().fit(data, rng=torch_generator(0), device=CPU)

    assert classifier.accuracy(data.test.images, data.test.labels) >= 0.97
