from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError, ContractError, DataError
from causalxai.generic.rendered_space import RenderedSpace
from causalxai.generic.renderer_oracle import RendererOracle
from causalxai.generic.single_effects import SingleEffects
from causalxai.metric import ScoringInputs
from causalxai.metrics.effect_error import EffectError
from causalxai.renderer import StructuralRenderer
from causalxai.seeding import torch_generator
from causalxai_datasets.shapes.source import Shapes
from causalxai_models.planted import PlantedClassifier

CPU = torch.device("cpu")
NAMES = ("left", "right", "frame")
FEW: dict[str, Any] = {
    "pictures": 400,
    "epochs": 12,
    "batch_size": 32,
    "channels": (8, 16),
    "learning_rate": 1e-2,
    "least_r2": 0.95,
}
UNTRAINED = {**FEW, "epochs": 0, "least_r2": -1e6}
LEVEL = 2.0
TWO = {"between": ("left", "right"), "effect": 1.0}


class Halves(StructuralRenderer):
    """Pictures of two grey halves, in a frame or without."""

    errors = (0.0, 0.0, 0.0)

    def __init__(self, own: Tensor) -> None:
        super().__init__(
            [Concept("left", 0.0, 0.8), Concept("right", 0.0, 0.8), BooleanConcept("frame")],
            [0, 1, 2],
            [self._draw(torch.arange(len(own)), own)],
            own,
        )

    def _drawable(self, values: Tensor) -> Tensor:
        return values.clamp(0, 1)

    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        grey = values.float()[:, :2].repeat_interleave(8, dim=1)[:, None].expand(-1, 16, -1).clone()
        ends = [0, 1, 2, -3, -2, -1]
        grey[:, ends] = torch.where(values[:, 2:, None] > 0.5, 1.0, grey[:, ends])
        return grey[:, None]

    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        frame = (images[:, 0, 0, 0] == 1).to(images)
        return torch.stack([images[:, 0, 8, 0], images[:, 0, 8, -1], frame], dim=1)


@cache
def data() -> Dataset:
    rng = torch_generator(0)
    own = 0.8 * torch.rand(80, 3, generator=rng, dtype=torch.float64)
    # The frame is where both halves are bright, so that a reader could confuse them.
    own[:, 2] = (own[:, :2].sum(dim=1) > 0.8).double()
    renderer = Halves(own)
    units = Units(own.float(), {"individual": torch.arange(80)})
    images = renderer.draw(units, own.float()[None])[0]
    labels = own[:, 2].long()
    split = Split(images, labels, own.float(), own.float())
    return Dataset(split, split, ("a", "b", "c"), NAMES, renderer=renderer)


@cache
def additive() -> tuple[PlantedClassifier, Classifier]:
    source = PlantedClassifier(**FEW, effects={"left": 2.0, "frame": -1.0}, positive="b")
    return source, source.fit(data(), rng=torch_generator(1), device=CPU)


def test_the_network_follows_its_formula() -> None:
    _, classifier = additive()
    test = data().test
    logits = classifier.logits(test.images)
    assert torch.equal(logits[:, [0, 2]], torch.full((80, 2), LEVEL))
    assert test.set_concepts is not None
    expected = classifier.model.of_concepts(test.set_concepts)[:, 1]
    assert float(torch.corrcoef(torch.stack([logits[:, 1], expected]))[0, 1]) > 0.98


def test_the_formula_counts_in_deviations_and_in_presence() -> None:
    model = additive()[1].model
    concepts = torch.tensor([[0.2, 0.5, 0.0], [0.2, 0.1, 1.0]])
    left = 2 * (0.2 - model.mean[0]) / model.scale[0]
    expected = LEVEL + torch.stack([left + 1, left - 1])
    assert model.of_concepts(concepts)[:, 1].detach() == pytest.approx(expected)


def asked(classifier: Classifier) -> ScoringInputs:
    """Return inputs with the renderer as oracle."""
    rng = torch_generator(0)
    space = RenderedSpace().fit(classifier, data(), rng=rng)
    oracle = RendererOracle().bind(classifier, space)
    return ScoringInputs(classifier=classifier, dataset=data(), rng=rng, space=space, oracle=oracle)


def test_single_effects_over_the_renderer_are_those_that_were_planted() -> None:
    inputs = asked(additive()[1])
    images = data().test.images[:24]
    found = SingleEffects().explain(images, torch.ones(24, dtype=torch.int64), inputs).importance
    assert found is not None
    left, right, _ = found.mean(dim=0)
    assert float(left) == pytest.approx(2.0, abs=0.3)
    assert float(right) == pytest.approx(0.0, abs=0.3)
    present = data().renderer.recognise(images).values[:, 2] == 1  # type: ignore[union-attr]
    # As it stands, a frame takes 2 away where it is present, and its absence adds 2.
    assert float(found[present, 2].mean()) == pytest.approx(-2.0, abs=0.3)
    assert float(found[~present, 2].mean()) == pytest.approx(2.0, abs=0.3)


def test_products_are_planted_and_nothing_may_be() -> None:
    source = PlantedClassifier(**UNTRAINED, interactions=[TWO])
    model = source.fit(data(), rng=torch_generator(1), device=CPU).model
    concepts = torch.tensor([[0.1, 0.7, 1.0], [0.4, 0.4, 0.0]])
    z = (concepts - model.mean) / model.scale
    assert model.of_concepts(concepts)[:, 2].detach() == pytest.approx(LEVEL + z[:, 0] * z[:, 1])


def test_it_is_restored_with_its_formula() -> None:
    source, classifier = additive()
    back = source.restore(source.to_record(classifier), data(), CPU)
    images = data().test.images[:5]
    assert torch.equal(back.logits(images), classifier.logits(images))
    concepts = torch.rand(4, 3)
    expected = classifier.model.of_concepts(concepts)
    assert torch.equal(back.model.of_concepts(concepts), expected)
    assert back.embed(images).shape == (5, 3)


def test_unknown_names_and_data_sets_that_are_not_drawn_are_refused() -> None:
    outline = data().outline
    with pytest.raises(CapabilityError, match=r"classifier.effects: .* no concept 'lef'"):
        PlantedClassifier(effects={"lef": 1.0}).preview(outline, CPU)
    with pytest.raises(CapabilityError, match="there is no class 'd'"):
        PlantedClassifier(positive="d").preview(outline, CPU)
    photographs = replace(data(), renderer=None).outline
    with pytest.raises(DataError, match="the data set has no renderer"):
        PlantedClassifier().preview(photographs, CPU)
    with pytest.raises(ValidationError, match="between two concepts"):
        PlantedClassifier(interactions=[{"between": ("left", "left"), "effect": 1.0}])


def test_a_reader_that_reads_badly_is_refused() -> None:
    untrained = PlantedClassifier(**{**FEW, "epochs": 0}, effects={"left": 1.0})
    with pytest.raises(DataError, match="does not read left well enough") as refused:
        untrained.fit(data(), rng=torch_generator(1), device=CPU)
    assert "or accept less than 0.95 with least_r2" in str(refused.value)


def test_the_reading_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="causalxai_models.planted"):
        PlantedClassifier(**UNTRAINED).fit(data(), rng=torch_generator(1), device=CPU)
    assert "planted: R² of the concepts that are read from drawings: left" in caplog.text


def test_without_a_formula_nothing_has_an_effect_and_effect_error_says_so() -> None:
    # What no formula uses need not be read.
    source = PlantedClassifier(**{**FEW, "epochs": 0, "least_r2": 1.0})
    inputs = asked(source.fit(data(), rng=torch_generator(1), device=CPU))
    images = data().test.images[:6]
    assert torch.equal(inputs.classifier.logits(images), torch.full((6, 3), LEVEL))
    target = torch.ones(6, dtype=torch.int64)
    found = SingleEffects().explain(images, target, inputs)
    assert found.importance is not None
    assert not found.importance.any()
    result = EffectError().compute(found, inputs)
    assert result.status == "skipped"
    assert "there are no effects to compare" in result.reason


def test_a_score_of_one_is_not_taken_for_a_probability() -> None:
    outline = replace(data().outline, class_names=("a", "b"))
    source = PlantedClassifier(effects={"frame": 1.0})
    model = source._build(outline)
    model.terms.boolean[2] = True
    with torch.no_grad():
        # Every picture has a frame, as with a reader that sees frames in noise.
        model.reader.fc2.weight.zero_()
        model.reader.fc2.bias.fill_(40.0)
    logits = source._classifier(model, outline, CPU).logits(data().test.images[:3])
    assert torch.equal(logits, torch.tensor([[LEVEL, LEVEL + 1.0]]).expand(3, 2))
    with torch.no_grad():
        model.formula.bias.zero_()
    with pytest.raises(ContractError, match="probabilities"):
        source._classifier(model, outline, CPU)


@pytest.mark.slow
def test_shapes_are_read_so_exactly_that_the_formula_is_the_truth() -> None:
    shapes = Shapes(confounding=0.95).load(rng=torch_generator(0))
    source = PlantedClassifier(effects={"cube": 2.0, "large": -2.0, "blue": 1.0})
    classifier = source.fit(shapes, rng=torch_generator(1), device=CPU)
    test = shapes.test
    assert test.set_concepts is not None
    found = classifier.logits(test.images)[:, 1].double()
    expected = classifier.model.of_concepts(test.set_concepts)[:, 1].detach().double()
    assert float((found - expected).square().mean() / expected.var()) < 1e-3
