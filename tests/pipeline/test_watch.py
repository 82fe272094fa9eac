"""The watch: what a plugin changes of what others use is told with the plugin's name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from causalxai import Classifier, Dataset, Explanation
from causalxai.dataset import Split
from causalxai.errors import ContractError, PluginError
from causalxai.network.state import state_of
from causalxai.pipeline.watch import Watch, digests_of_data, digests_of_explanation, record_of
from causalxai.plugin.provenance import Provenance
from causalxai.storage.record import Record

PART = Provenance("metrics", "part", "parts", "1.0", f"{__name__}:Part")


@pytest.fixture
def own(dataset: Dataset) -> Dataset:
    """A data set with tensors of every kind, which a test may change."""
    split = Split(
        dataset.train.images.clone(),
        dataset.train.labels.clone(),
        concepts=torch.rand(40, 2),
        groups=torch.arange(40),
    )
    return Dataset(
        split, dataset.test, dataset.class_names, concept_names=("a", "b"), reference=split
    )


@pytest.fixture
def explanation(own: Dataset) -> Explanation:
    return Explanation(
        own.test.images[:2].clone(),
        torch.tensor([0, 1]),
        concepts=("a", "b"),
        importance=torch.zeros(2, 2),
        maps={"heat": torch.zeros(2, 2, 4)},
        details={"more": torch.zeros(3)},
    )


@pytest.fixture
def watch(own: Dataset, explanation: Explanation, classifier: Classifier) -> Watch:
    made = Watch(0)
    made.keep("dataset", lambda: digests_of_data(own))
    made.keep("classifier", lambda: state_of(classifier.model))
    made.keep("explanation", lambda: digests_of_explanation(explanation))
    return made


def test_looking_changes_nothing(watch: Watch, own: Dataset, classifier: Classifier):
    with watch.over(PART, "metrics.part"):
        classifier.logits(own.test.images)


@pytest.mark.parametrize(
    ("meddle", "told"),
    [
        (lambda data, *_: data.train.images.data.mul_(0.5), "the training split's images"),
        (lambda data, *_: data.train.labels.zero_(), "the training split's labels"),
        (lambda data, *_: data.train.concepts.zero_(), "the training split's concepts"),
        (lambda data, *_: data.train.groups.zero_(), "the training split's groups"),
        (lambda data, *_: data.test.images[:1].zero_(), "the test split's images"),
        (lambda data, *_: data.reference.concepts.add_(1), "the reference split's concepts"),
        (lambda _, made, *__: made.importance.fill_(7), "the explanation's importance"),
        (lambda _, made, *__: made.images.zero_(), "the explanation's images"),
        (lambda _, made, *__: made.target.zero_(), "the explanation's target"),
        (lambda _, made, *__: made.maps["heat"].add_(1), "the explanation's map 'heat'"),
        (lambda _, made, *__: made.details["more"].add_(1), "the explanation's detail 'more'"),
        (lambda *parts: parts[2].model.train(), "the mode of the network"),
        (
            lambda *parts: parts[2].model.register_forward_hook(lambda *_: None),
            "the forward hooks of the network",
        ),
        (lambda *_: torch.set_default_dtype(torch.float64), "torch's default dtype"),
    ],
)
def test_each_change_is_told(
    meddle: Callable[..., object],
    told: str,
    watch: Watch,
    own: Dataset,
    explanation: Explanation,
    classifier: Classifier,
):
    with (
        pytest.raises(ContractError) as caught,
        watch.over(PART, "metrics.part"),
    ):
        meddle(own, explanation, classifier)
    start, _, rest = str(caught.value).partition(" changes ")
    assert start == "'part' (metrics) of parts 1.0, in metrics.part,"
    assert told in rest


def test_long_lists_of_changes_are_cut(watch: Watch, own: Dataset):
    with pytest.raises(ContractError, match=r"and \d+ more"), watch.over(PART, "metrics.part"):
        for split in (own.train, own.test):
            split.images.zero_()
            split.labels.zero_()
        own.train.concepts.zero_()
        own.train.groups.zero_()


def test_what_a_plugin_returns_is_of_the_class_that_is_asked_for(watch: Watch):
    assert watch.call(PART, "fit", int, lambda: 3) == 3
    with pytest.raises(ContractError, match=r"^'part' .* 1\.0 returns str in fit, not int$"):
        watch.call(PART, "fit", int, lambda: "3")
    with pytest.raises(PluginError, match=r"^'part' .* 1\.0 failed in fit.*: ZeroDivisionError"):
        watch.call(PART, "fit", int, lambda: 1 // 0)


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (None, "is a NoneType, not a Record"),
        (Record(tensors={"x": [1, 2]}), "has the tensor 'x', which is a list, not a tensor"),
        (Record(tensors={"x": torch.zeros(2).to_sparse()}), "'x', which is sparse"),
        (Record(tensors={"x": torch.zeros(2, device="meta")}), "'x', which has no values"),
        (Record(meta={"x": float("nan")}), r"cannot be stored: meta\['x'\] must be finite"),
        (Record(meta={"x": object()}), r"cannot be stored: meta\['x'\] is a object"),
        (Record(texts={"x.html": b""}), "neither text nor bytes for the file 'x.html'"),
        (Record(files={"x.png": ""}), "neither text nor bytes for the file 'x.png'"),
    ],
)
def test_records_that_cannot_be_stored_are_told(record: object, fault: str):
    with pytest.raises(ContractError, match=rf"^'part' .* 1\.0, in fit: its result .*{fault}"):
        record_of(PART, "fit", lambda: record)


def test_other_records_are_returned():
    record = Record(tensors={"x": torch.zeros(2)}, meta={"x": [1, "y"]}, texts={"t": "t"})
    assert record_of(PART, "fit", lambda: record) is record
