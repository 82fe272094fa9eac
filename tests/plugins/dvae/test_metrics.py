"""Table 1 and table 2 as metrics: the same numbers as the quality of the code, with intervals."""

from copy import copy
from dataclasses import replace

import pytest
import torch

from causalxai.explainer import Explanation
from causalxai.metric import Metric
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for
from causalxai_dvae.metrics import CodeAccuracy, CodeAgreement, FlipChanged, SharedInformation

ALL = [FlipChanged, CodeAgreement, CodeAccuracy, SharedInformation]


@pytest.fixture
def explanation(images):
    return Explanation(images, torch.zeros(len(images), dtype=torch.int64), ("bit 0",),
                       importance=torch.zeros(len(images), 1))  # fmt: skip


def test_values_are_those_of_the_codes_quality(bit_context, bit_space, explanation):
    quality = bit_space.quality_
    changed = FlipChanged().compute(explanation, bit_context)
    assert changed.estimate.value == pytest.approx(quality.changed)
    assert changed.parts["from phi"].value == pytest.approx(quality.changed_from_phi)
    agreement = CodeAgreement().compute(explanation, bit_context)
    assert agreement.estimate.value == pytest.approx(quality.agreement)
    accuracy = CodeAccuracy().compute(explanation, bit_context)
    assert accuracy.estimate.value == pytest.approx(quality.accuracy_reconstructed)
    assert accuracy.parts["with phi"].value == pytest.approx(quality.accuracy)
    for result in (changed, agreement, accuracy):
        assert result.estimate.low <= result.estimate.value <= result.estimate.high
        assert result.estimate.n == quality.n


def test_chance_is_lower_than_a_code_that_was_trained(bit_context, explanation):
    for metric in (CodeAgreement(), CodeAccuracy()):
        result = metric.compute(explanation, bit_context)
        assert result.chance.value < result.estimate.low


def test_information_that_is_shared_wholly_has_cosine_one(bit_context, bit_space, explanation):
    class Mirror(torch.nn.Module):
        """Paints what the classifier's rest says."""

        def forward(self, activations):
            logits = bit_space.layer_.logits(activations)
            return (logits[:, :1] - logits[:, 1:2])[..., None, None]

    class Rest:
        activations = staticmethod(bit_space.layer_.activations)

        def logits(self, activations):
            return bit_space.layer_.logits(activations)[:, :2]

    space = copy(bit_space)
    space.generator_, space.layer_ = Mirror(), Rest()
    space.autoencoder_ = bit_space.autoencoder_
    inputs = replace(bit_context, space=space)
    result = SharedInformation(images=20, samples=2000).compute(explanation, inputs)
    assert result.estimate.value > 0.95
    assert result.parts["of the means"].value > 0.9
    assert result.estimate.value > result.chance.value


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
@pytest.mark.parametrize("check", checks_for(Metric), ids=lambda check: check.__name__)
def test_conformance(check, metric, bit_context, explanation, images):
    built = metric(images=30, samples=2) if metric is SharedInformation else metric(images=30)
    check(Bench(plugin=built, inputs=bit_context, images=images, explanation=explanation))


def test_the_same_seed_gives_the_same_score(bit_context, explanation):
    scores = [
        SharedInformation(images=20).compute(
            explanation, replace(bit_context, rng=torch_generator(4, "m"))
        )
        for _ in range(2)
    ]
    assert scores[0] == scores[1]
