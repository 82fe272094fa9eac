"""The tables of the benchmark of truth say what its lines say."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from causalxai import Classifier, Dataset, ScoringInputs
from causalxai.config import load_grid
from causalxai.generic.rendered_space import RenderedSpace
from causalxai.generic.renderer_oracle import RendererOracle
from causalxai.generic.single_effects import SingleEffects
from causalxai.metrics.effect_error import EffectError
from causalxai.seeding import torch_generator
from causalxai_baselines.controls import RandomExplainer
from causalxai_datasets.colored_digits.source import ColoredDigits

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def truth() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module("truth")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
        for name in ("truth", "_planted"):
            sys.modules.pop(name, None)


def line(truth: ModuleType, method: str, score: float | None, **more):
    known = {"subject": "digits", "planted": False, "low": None, "high": None, "chance": 0.01}
    known |= {"translated": None, "parts": {}, "reason": "", "seconds": 1.0, **more}
    return truth.Line(method=method, score=score, **known)


def test_methods_are_rows_and_subjects_are_columns(truth: ModuleType):
    lines = [
        line(truth, "one", 0.51234, low=0.4, high=0.6, translated=True),
        line(truth, "two", None, reason="names nothing"),
        line(truth, "one", 1.0, subject="faces", chance=None),
    ]
    assert truth.table(lines).splitlines() == [
        "| method | digits | faces |",
        "| --- | --: | --: |",
        "| one | 0.512† [0.40, 0.60] | 1.000 |",
        "| two | none |  |",
        "| chance | 0.01 |  |",
    ]
    assert list(truth.unscored(lines)) == ["- two (digits): names nothing"]


def test_a_planted_shortcut_is_found_or_missed(truth: ModuleType):
    planted = {"planted": True, "subject": "shortcut"}
    lines = [
        line(truth, "one", 0.9, parts={"strongest concept": 0.8}, **planted),
        line(truth, "two", 0.1, parts={"strongest concept": 0.5}, **planted),
        line(truth, "three", None, **planted),
        line(truth, "four", 0.9, parts={"strongest concept": 1.0}),
    ]
    (told,) = truth.verdicts(lines)
    assert told.startswith("shortcut: ")
    assert told.endswith("in most images by one. Missed by two, three.")


@pytest.mark.parametrize("quick", [True, False])
def test_every_comparison_is_a_sound_spec(truth: ModuleType, quick: bool):
    for name, subject in truth.SUBJECTS.items():
        grid = load_grid(truth.spec_of(name, subject, quick=quick))
        assert len(grid.cells) == len(truth.methods(1))


@pytest.fixture(scope="module")
def colours() -> Dataset:
    source = ColoredDigits(classes={"3": [3], "8": [8]}, strength=0.0)
    return source.load(rng=torch_generator(0))


@pytest.mark.parametrize(
    ("formula", "effects"),
    [("additive", (0.5, -0.25)), ("shortcut", (0.5, 0.0)), ("none", (0.0, 0.0))],
)
def test_a_planted_network_uses_concepts_as_its_formula_says(
    truth: ModuleType, colours: Dataset, formula: str, effects: tuple[float, float]
):
    network = importlib.import_module("_planted").PlantedNetwork(formula)
    renderer, images = colours.renderer, colours.test.images[:20]
    units = renderer.recognise(images)
    moved = units.values.expand(3, -1, -1).clone()
    moved[1:, :, 0] = moved[1:, :, 0].clamp(max=150)
    moved[0] = moved[1]
    moved[1, :, 0] += 100
    moved[:, :, 1] = 0.7
    moved[2, :, 1] += 0.2
    before, hue, brightness = (network(each)[:, 1] for each in renderer.draw(units, moved))
    # One unit adds half of its weight to a logit, and takes as much from the other.
    assert torch.allclose(hue - before, torch.full((20,), effects[0]), atol=0.01)
    # The brightest pixel of a digit is a little darker than its colour.
    assert torch.allclose(brightness - before, torch.full((20,), effects[1]), atol=0.04)


def test_an_explainer_that_asks_the_renderer_is_right_and_noise_is_not(
    truth: ModuleType, colours: Dataset
):
    network = importlib.import_module("_planted").PlantedNetwork("interaction")
    classifier = Classifier(network, class_names=("3", "8"), image_shape=(3, 32, 32))
    space = RenderedSpace().fit(classifier, colours, rng=torch_generator(0))
    inputs = ScoringInputs(
        classifier=classifier,
        dataset=colours,
        rng=torch_generator(0),
        space=space,
        oracle=RendererOracle().bind(classifier, space),
    )
    images = colours.test.images[:40]
    target = classifier.predict(images)
    for explainer, least, most in (
        (SingleEffects(pictures=0), 0.99, 1.0),
        (RandomExplainer(), -0.3, 0.3),
    ):
        explanation = explainer.explain(images, target, inputs)
        result = EffectError().compute(explanation, inputs)
        assert least <= result.estimate.value <= most
