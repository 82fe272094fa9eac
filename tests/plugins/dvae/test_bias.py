"""Bias detection: the interval's false alarms, and a bias that was planted by hand."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset, Split
from causalxai.explainer import Explanation
from causalxai.metric import Estimate, Metric, MetricUndefinedError, ScoringInputs
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for
from causalxai_dvae.bias import AttributeChange, Bias, _as_many_of_each, _Call, _Changes
from causalxai_dvae.bit_space import BitSpace

QUICK = {"attribute": "bright", "images": 60}
SMALL = {
    "autoencoder": {"bits": 4, "hidden": (16,), "steps": 200},
    "generator": {"steps": 60, "batch_size": 32, "channels": 16},
}


class Bars(nn.Module):
    """Pools, then two linear layers."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 12)
        self.last = nn.Linear(12, 2)

    def forward(self, images):
        pooled = nn.functional.avg_pool2d(images, 2).flatten(1)
        return self.last(self.hidden(pooled).relu())


@dataclass
class BarSource:
    """Trains a classifier of bars on whatever it is given."""

    seen: list
    steps: int = 80

    def fit(self, dataset, *, rng, device):
        self.seen.append(dataset.train)
        with torch.random.fork_rng():
            torch.manual_seed(int(torch.randint(2**31, (1,), generator=rng)))
            model = Bars()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(self.steps):
            rows = torch.randint(len(dataset.train), (64,), generator=rng)
            loss = nn.functional.cross_entropy(
                model(dataset.train.images[rows]), dataset.train.labels[rows]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return Classifier(
            model, class_names=dataset.class_names, image_shape=dataset.image_shape, device=device
        )


def only_two(split: Split) -> Split:
    return split[split.labels < 2]


def tied(split: Split, share: float, rng: torch.Generator) -> Split:
    """Keep images so that ``share`` of the lying bars, and of no standing ones, are bright."""
    bright = split.concepts[:, 0] > 0.5
    wanted = torch.rand(len(split), generator=rng) < torch.where(
        bright == (split.labels == 1), torch.tensor(share), torch.tensor(1 - share)
    )
    return split[wanted]


@pytest.fixture(scope="module")
def two_classes(bar_data):
    rng = torch_generator(0, "tied")
    return Dataset(
        train=tied(only_two(bar_data.train), 0.95, rng),
        test=only_two(bar_data.test),
        class_names=bar_data.class_names[:2],
        concept_names=bar_data.concept_names,
        reference=only_two(bar_data.reference),
    )


@pytest.fixture(scope="module")
def inputs(two_classes):
    rng = torch_generator(0, "bias")
    source = BarSource([])
    classifier = source.fit(two_classes, rng=rng, device=torch.device("cpu"))
    space = BitSpace(**SMALL).fit(classifier, two_classes, rng=rng)
    return ScoringInputs(
        classifier=classifier, dataset=two_classes, rng=rng, space=space, source=source
    )


@pytest.fixture(scope="module")
def quick(inputs):
    """The same with a code, a generator and references that are hardly trained."""
    settings = {
        "autoencoder": {"bits": 3, "hidden": (8,), "steps": 40},
        "generator": {"steps": 2, "batch_size": 8, "channels": 8},
    }
    rng = torch_generator(0, "quick")
    space = BitSpace(**settings).fit(inputs.classifier, inputs.dataset, rng=rng)
    return replace(inputs, space=space, source=BarSource([], steps=5))


@pytest.fixture
def explanation(inputs):
    images = inputs.dataset.test.images[:3]
    return Explanation(images, torch.zeros(3, dtype=torch.int64), ("bit 0",),
                       importance=torch.zeros(3, 1))  # fmt: skip


def test_a_planted_bias_has_the_sign_of_the_data(inputs, explanation):
    result = AttributeChange(**QUICK).compute(
        explanation, replace(inputs, rng=torch_generator(1, "m"))
    )
    assert result.status == "ok", result.reason
    assert result.parts["in the data"].value > 0.5
    assert result.estimate.low > 0


@pytest.mark.slow
def test_references_learn_from_the_reference_split_and_all_facts_are_told(inputs, explanation):
    inputs.source.seen.clear()
    metric = Bias(**QUICK, references=2)
    result = metric.compute(explanation, replace(inputs, rng=torch_generator(2, "m")))
    assert result.status == "ok", result.reason
    assert len(inputs.source.seen) == 3
    assert all(split is inputs.dataset.reference for split in inputs.source.seen)
    floor = result.parts["noise floor"].value
    assert floor > result.estimate.high - result.estimate.value
    assert result.parts["called"].value == float(abs(result.estimate.value) > floor)
    assert result.controls["unbiased called"].value in (0.0, 1.0)


def test_both_classes_count_alike_however_many_they_are():
    rng = np.random.default_rng(0)
    same = _Changes((np.full(10, 0.5), np.full(490, 0.5)))
    assert same.variance == 0
    assert same.estimate(rng) == Estimate(0.5, 0.5, 0.5, 500)
    few, many = rng.normal(0, 0.2, 10), rng.normal(1, 0.2, 490)
    changes = _Changes((few, many))
    assert changes.mean == pytest.approx((few.mean() + many.mean()) / 2)
    means = [rng.normal(0, 0.2, 10).mean() + rng.normal(1, 0.2, 490).mean() for _ in range(4000)]
    assert changes.variance == pytest.approx(np.var(means) / 4, rel=0.6)


def test_asked_are_as_many_of_each_kind_of_test_image(two_classes):
    kinds = 2 * two_classes.test.labels + two_classes.test.concepts[:, 0]
    rows = _as_many_of_each(kinds, 42, torch_generator(0, "rows"))
    assert kinds[rows].long().bincount().tolist() == [10] * 4
    assert len(rows.unique()) == 40
    with pytest.raises(MetricUndefinedError, match="a class has no test image with"):
        _as_many_of_each(kinds[kinds != 1], 60, torch_generator(0, "rows"))


@pytest.mark.parametrize("level", [0.9, 0.99])
def test_an_unbiased_classifier_is_called_as_rarely_as_the_level_says(level):
    rng = np.random.default_rng(0)
    alarms = []
    for _ in range(2000):
        own, *references = (
            _Changes(tuple(rng.normal(centre, 0.01, (2, 200))))
            for centre in rng.normal(0.1, 0.05, 5)
        )
        alarms.append(_Call.of(own, references, level).called)
    assert np.mean(alarms) == pytest.approx(1 - level, abs=4 * np.sqrt(level * (1 - level) / 2000))


@given(shift=st.floats(-1, 1), scale=st.floats(0.001, 0.2))
def test_what_all_invent_alike_is_taken_off(shift, scale):
    rng = np.random.default_rng(3)
    drawn = rng.normal(0, scale, (6, 2, 50))
    own, *references = (_Changes(tuple(one)) for one in drawn)
    further, *moved_too = (_Changes(tuple(one + shift)) for one in drawn)
    plain = _Call.of(own, references, 0.99)
    moved = _Call.of(further, moved_too, 0.99)
    assert moved.floor == pytest.approx(plain.floor, abs=1e-9)
    for name in ("value", "low", "high"):
        expected = getattr(plain.estimate, name)
        assert getattr(moved.estimate, name) == pytest.approx(expected, abs=1e-9)


def test_a_network_that_is_not_trained_here_has_no_unbiased_twin(inputs, explanation):
    class Fixed:
        def fit(self, dataset, *, rng, device):
            return inputs.classifier

    result = Bias(**QUICK, references=2).compute(explanation, replace(inputs, source=Fixed()))
    assert result.status == "skipped"
    assert "trained here" in result.reason


def test_more_than_two_classes_are_skipped(bit_context, explanation):
    result = AttributeChange(**QUICK).compute(explanation, bit_context)
    assert (result.status, result.reason) == ("skipped", "it needs a classifier with two classes")


@pytest.mark.parametrize("check", checks_for(Metric), ids=lambda check: check.__name__)
def test_attribute_change_keeps_its_promises(check, quick, explanation):
    metric = AttributeChange(attribute="bright", images=40)
    check(Bench(plugin=metric, inputs=quick, images=explanation.images, explanation=explanation))


@pytest.mark.parametrize("check", checks_for(Metric), ids=lambda check: check.__name__)
def test_bias_keeps_its_promises(check, quick, explanation):
    metric = Bias(attribute="bright", images=40, references=2)
    check(Bench(plugin=metric, inputs=quick, images=explanation.images, explanation=explanation))
