"""Runs with settings that do not fit the data set, with the built-in parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from causalxai import run
from causalxai.config import load_spec
from causalxai.errors import CausalxaiError, SpecError
from tests.trust.small_runs import spec

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
    ("glance", "dataset.limit=9", "the SCM layer needs 30 labelled training images or more"),
    ("pc", "dataset.limit=5", "5 images are too few to find a graph of 2 concepts"),
]


@pytest.mark.parametrize(("name", "override", "message"), MISFITS)
def test_what_does_not_fit_the_data_set_is_refused_before_any_training(
    name: str, override: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CausalxaiError) as raised:
        run(spec(name), overrides=[override], out=tmp_path)
    assert not isinstance(raised.value, SpecError)
    assert str(raised.value).startswith(message)
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
