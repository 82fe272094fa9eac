from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from causalxai.concept import BooleanConcept, Concept, ParameterConcept
from causalxai.report.films import Film, film, renders
from causalxai.testing import ToyWorld, toy_world


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    return toy_world(0)


def filmed(world: ToyWorld, place: int, target: int = 1) -> Film:
    units = world.space.encode(world.dataset.test.images[:1])
    found = film(world.oracle, units, place, target)
    assert found is not None
    return found


def test_a_film_goes_from_two_units_below_to_two_above(world: ToyWorld):
    place = 2
    found = filmed(world, place)
    name = world.space.names()[place]
    assert [step.words for step in found.steps] == [
        f"{name} \N{MINUS SIGN}2\N{NO-BREAK SPACE}sd",
        f"{name} \N{MINUS SIGN}1\N{NO-BREAK SPACE}sd",
        "perceived",
        f"{name} +1\N{NO-BREAK SPACE}sd",
        f"{name} +2\N{NO-BREAK SPACE}sd",
    ]
    assert found.start == 2


def test_the_confidences_are_those_of_the_structural_model(world: ToyWorld):
    place, target = 0, 1
    logits = world.classifier.logits(world.dataset.test.images[:1])[0].cpu()
    sd = world.space.concepts[place].scale
    expected = [
        float((logits + k * sd * world.logit_effects[place]).softmax(dim=0)[target])
        for k in (-2, -1, 0, 1, 2)
    ]
    found = [step.confidence for step in filmed(world, place, target).steps]
    assert found == pytest.approx(expected, abs=1e-3)


def test_the_pictures_are_side_by_side_and_the_middle_one_is_the_image(world: ToyWorld):
    found = filmed(world, 1)
    data = base64.b64decode(found.pictures.partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(data))) / 255
    side = world.dataset.image_shape[2]
    assert pixels.shape == (side, 5 * side)
    image = world.dataset.test.images[0, 0]
    np.testing.assert_allclose(pixels[:, 2 * side : 3 * side], image, atol=0.01)


@pytest.mark.parametrize(
    ("concept", "own", "values"),
    [
        (Concept("a", low=0.0, high=1.0, scale=0.5), 0.5, [0.0, 0.5, 1.0]),
        (BooleanConcept("a"), 1.0, [0.0, 1.0]),
        # A reading of a boolean that is neither 0 nor 1.
        (BooleanConcept("a"), 0.75, [0.0, 0.75, 1.0]),
    ],
)
def test_a_film_stays_within_the_bounds(
    world: ToyWorld,
    monkeypatch: pytest.MonkeyPatch,
    concept: Concept,
    own: float,
    values: list[float],
):
    concepts = [concept, *world.space.concepts[1:]]
    monkeypatch.setattr(type(world.space), "concepts", concepts)
    units = world.space.encode(world.dataset.test.images[:1])
    units.values[0, 0] = own
    found = film(world.oracle, units, 0, 0)
    assert found is not None
    assert len(found.steps) == len(values)
    assert found.start == values.index(own)


@pytest.mark.parametrize("concept", [ParameterConcept("w"), Concept("a", scale=0.0)])
def test_what_cannot_be_shown_has_no_film(
    world: ToyWorld, monkeypatch: pytest.MonkeyPatch, concept: Concept
):
    monkeypatch.setattr(type(world.space), "concepts", [concept, *world.space.concepts[1:]])
    units = world.space.encode(world.dataset.test.images[:1])
    assert film(world.oracle, units, 0, 0) is None


def test_only_an_oracle_with_images_renders(world: ToyWorld, monkeypatch: pytest.MonkeyPatch):
    assert renders(world.oracle)
    assert not renders(None)
    monkeypatch.setattr(type(world.oracle), "capabilities", frozenset())
    assert not renders(world.oracle)
