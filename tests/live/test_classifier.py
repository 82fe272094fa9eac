"""A classifier in memory is filed under everything that decides about its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier, Dataset, Split
from causalxai.errors import CapabilityError, DataError
from causalxai.live.classifier import LiveClassifier, classifier_digest

GAIN = 2.0


class Gained(nn.Module):
    def __init__(self, slope: float = 1.0) -> None:
        super().__init__()
        self.slope = slope
        self.linear = nn.Linear(4, 2)
        nn.init.ones_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.linear(images.flatten(1) * GAIN * self.slope)
        return logits


class Writing(Gained):
    """Writes into dark images, so that it is adapted when it is examined on them."""

    def forward(self, images: Tensor) -> Tensor:
        if float(images.max()) < 0.1:
            images += 0.05
        return super().forward(images)


def gained(network: nn.Module | None = None, names: tuple[str, ...] = ("a", "b")) -> Classifier:
    return Classifier(network or Gained(), class_names=names, image_shape=(1, 2, 2))


@pytest.fixture
def data() -> Dataset:
    split = Split(torch.full((4, 1, 2, 2), 0.05), torch.arange(4) % 2)
    return Dataset(split, split, ("a", "b"))


def live(classifier: Classifier) -> LiveClassifier:
    return LiveClassifier(classifier=classifier, digest=classifier_digest(classifier))


def fitted(source: LiveClassifier, dataset: Dataset, device: str = "cpu") -> Classifier:
    return source.fit(dataset, rng=torch.Generator(), device=torch.device(device))


def test_equal_classifiers_have_one_digest() -> None:
    assert classifier_digest(gained()) == classifier_digest(gained())


def _other_weight() -> Classifier:
    network = Gained()
    network.linear.weight.data[0, 0] = 3
    return gained(network)


@pytest.mark.parametrize(
    "other",
    [
        _other_weight,
        lambda: gained(Gained(slope=2.0)),
        lambda: gained(Writing()),
        lambda: gained(names=("b", "a")),
        lambda: Classifier(Gained(), class_names=("a", "b"), image_shape=(1, 1, 4)),
        lambda: Classifier(
            Gained(), class_names=("a", "b"), image_shape=(1, 2, 2), feature_layer="linear"
        ),
    ],
)
def test_other_classifiers_have_another_digest(other: Callable[[], Classifier]) -> None:
    assert classifier_digest(other()) != classifier_digest(gained())


def test_other_code_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = gained()
    before = classifier_digest(classifier)
    monkeypatch.setitem(globals(), "GAIN", 3.0)
    assert classifier_digest(classifier) != before


def test_an_adaptation_that_an_examination_finds_necessary_is_no_change(data: Dataset) -> None:
    classifier = gained(Writing())
    before = classifier_digest(classifier)
    kind = type(classifier.model)
    classifier.examine(data.test.images)
    assert type(classifier.model) is not kind
    assert classifier_digest(classifier) == before


def test_the_source_gives_the_classifier_itself_and_stores_nothing(data: Dataset) -> None:
    classifier = gained()
    source = live(classifier)
    assert fitted(source, data) is classifier
    record = source.to_record(classifier)
    assert not record.tensors
    assert source.restore(record, data, torch.device("cpu")) is classifier
    assert source.fingerprint() == classifier_digest(classifier)
    assert source.portable_config() == {}


def test_what_does_not_fit_the_data_set_is_refused(data: Dataset) -> None:
    with pytest.raises(DataError, match=r"classes are 'a', 'b', but the data set's are 'b', 'a'"):
        fitted(live(gained()), replace(data, class_names=("b", "a")))
    with pytest.raises(DataError, match=r"same in another order: .*, and classes={'a': 0, 'b': 1}"):
        fitted(live(gained()), replace(data, class_names=("b", "a")))
    wide = Classifier(Gained(), class_names=("a", "b"), image_shape=(1, 1, 4))
    with pytest.raises(DataError, match=r"shape \[1, 1, 4\], but the data set's have \[1, 2, 2\]"):
        fitted(live(wide), data)
    with pytest.raises(CapabilityError, match="device: meta: the classifier is on cpu"):
        fitted(live(gained()), data, device="meta")


def test_what_is_done_around_the_network_is_part_of_the_digest() -> None:
    def adapted(**settings: object) -> str:
        classifier = Classifier(Gained(), class_names=("a", "b"), **settings)  # type: ignore[arg-type]
        return classifier_digest(classifier)

    def halved(images: Tensor) -> Tensor:
        return images / 2

    digests = [
        adapted(),
        adapted(mean=0.5),
        adapted(mean=0.25),
        adapted(mean=0.5, std=0.5),
        adapted(scale=255),
        adapted(preprocess=halved),
        adapted(preprocess=lambda images: images / 3),
        adapted(output="log-probabilities"),
        adapted(classes=[1, 0]),
    ]
    assert len(set(digests)) == len(digests)
    assert adapted(preprocess=halved) == digests[5]
