"""Runs with settings that do not fit the data set, with the built-in parts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from causalxai import run
from causalxai.classifier import Classifier
from causalxai.config import Mistake, ResolvedSpec, Stage, load_spec
from causalxai.errors import SpecError, UndecidedError
from causalxai.pipeline.early_checks import classifier_mistakes
from tests.trust.small_runs import spec, write_spec

MISFITS = [
    (
        "interventional",
        "images.classes=['0', '10']",
        "images.classes: there is no class '10'; did you mean '1'?",
    ),
    ("interventional", "graph.classes=['x']", "graph.classes: there is no class 'x' (there are: 0"),
    ("dvae", "explain.towards='ten'", "explain.towards: there is no class 'ten'"),
    ("dvae", "concepts.paint_from=reference", "paint_from: reference needs images"),
    (
        "patches",
        "explain={use: minimal-sets, towards: ten}",
        "explain.towards: there is no class 'ten'",
    ),
    (
        "patches",
        "concepts.grid=17",
        "concepts.grid: 17 patches a side do not fit into 16 pixels",
    ),
    (
        "glance",
        "explain.featured=thicknes",
        "explain.featured is 'thicknes', which is not a boolean concept (these are: none)",
    ),
    ("glance", "concepts.latents=2", "2 named concepts need more than 2 latents"),
    ("glance", "dataset.size=28", "a twin cannot generate images of 28 x 28"),
    (
        "glance",
        "graph.background.required=[[thickness, slope]]",
        "background knowledge mentions 'slope'",
    ),
    (
        "glance",
        "graph={use: glance-paper, background: {tiers: [[hue]]}}",
        "background knowledge mentions 'hue'",
    ),
    (
        "glance",
        "concepts.background.forbidden=[[hue, thickness]]",
        "background knowledge mentions 'hue'",
    ),
    (
        "pc",
        "graph.background.required=[[hue, thickness]]",
        "background knowledge mentions 'hue'",
    ),
    (
        "interventional",
        "concepts.layers=[conv9]",
        "concepts.layers: the classifier has no convolution or linear layer that runs 'conv9'; did "
        "you mean 'conv2' or 'conv1'",
    ),
    (
        "interventional",
        "explain.map_layers=[fc1]",
        "explain.map_layers: the classifier has no convolution 'fc1'",
    ),
    ("dvae", "concepts.layer=cnv2", "concepts.layer: the classifier has no layer 'cnv2'; did you"),
    (
        "patches",
        "explain={use: grad-cam, layer: fc_1}",
        "explain.layer: the classifier has no layer 'fc_1'; did you mean 'fc1'",
    ),
    (
        "interventional",
        "classifier={use: resnet18, weights: gone.pt}",
        "classifier.weights: gone.pt: there is no such file (it is relative to /",
    ),
    ("glance", "dataset.limit=9", "the SCM layer needs 30 labelled training images or more"),
    ("pc", "dataset.limit=5", "5 images are too few to find a graph of 2 concepts"),
]


@pytest.mark.parametrize(("name", "override", "message"), MISFITS)
def test_what_does_not_fit_the_data_set_is_refused_before_any_training(
    name: str, override: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as raised:
        run(spec(name), overrides=[override], out=tmp_path)
    assert f": {message}" in str(raised.value)
    assert list(tmp_path.rglob("tensors.safetensors")) == []


@pytest.mark.parametrize(
    ("name", "override"),
    [("glance", "explain.samples=7"), ("patches", "explain={use: concept-lime, samples: 7}")],
)
def test_too_few_samples_for_the_concepts_are_a_mistake_in_the_spec(
    name: str, override: str
) -> None:
    with pytest.raises(SpecError) as raised:
        load_spec(spec(name), [override])
    assert str(raised.value).endswith(
        ": explain: 7 samples are too few for 4 concepts: set explain.samples to 8 or more"
    )


@pytest.mark.parametrize(
    "explain",
    ["{use: concept-lime, samples: 8}", "{use: concept-lime, samples: 6, most: 3}"],
)
def test_as_many_samples_as_the_concepts_need_are_enough(explain: str) -> None:
    assert load_spec(spec("patches"), [f"explain={explain}"]).explain is not None


def test_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    file = write_spec(spec("interventional"), tmp_path / "my.yaml")
    text = file.read_text()
    file.write_text(text.replace('"explain"', '\n"explain"').replace('"conv2"', '"conf2"'))
    with pytest.raises(SpecError) as raised:
        run(file, out=tmp_path / "runs")
    lines = [problem.where for problem in raised.value.problems]
    assert lines == [f"{file}:1", f"{file}:2"]
    assert [problem.key for problem in raised.value.problems] == [
        "concepts.layers",
        "explain.map_layers",
    ]


def test_what_only_a_trained_network_can_tell_is_no_mistake_before() -> None:
    class Undecided:
        def check_classifier(self, classifier: object) -> None:
            raise UndecidedError("the logits hardly differ")

    part = SimpleNamespace(build=Undecided, provenance="undecided 1.0")
    run_of = cast("ResolvedSpec", SimpleNamespace(stages={Stage.CONCEPTS: part}, memory=2**30))
    network = cast("Classifier", None)
    assert list(classifier_mistakes(run_of, network, trained=False)) == []
    assert list(classifier_mistakes(run_of, network)) == [
        Mistake((Stage.CONCEPTS,), "the logits hardly differ")
    ]
