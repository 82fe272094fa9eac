from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai import Explanation
from causalxai.intervention import Action
from causalxai.report.image_cards import MOST_CARDS, image_cards
from causalxai.report.inlined import inlined_image, inlined_map
from causalxai.testing import ToyWorld, toy_world
from causalxai.what_if import Change, WhatIf


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    return toy_world(0)


@pytest.fixture
def explanation(world: ToyWorld) -> Explanation:
    """An explanation of ten images, whose predicted classes are explained."""
    images = world.dataset.test.images[:10]
    heat = torch.linspace(-1, 1, images[0].numel()).reshape(images.shape[2:])
    return Explanation(
        images,
        world.classifier.predict(images).cpu(),
        world.space.names(),
        torch.tensor([[0.5, -2.0, 0.0, 1.0]]).expand(10, -1),
        {"a map": heat.expand(10, -1, -1)},
        units=world.space.encode(images),
    )


def test_cards_show_images_maps_and_the_concepts_that_matter(
    world: ToyWorld, explanation: Explanation
):
    cards = image_cards(explanation, world.classifier)
    assert len(cards) == MOST_CARDS
    row = [inlined_image(image) for image in explanation.images].index(cards[0].picture)
    assert cards[0].maps == {"a map": inlined_map(explanation.maps["a map"][row])}
    names = world.space.names()
    found = [(one.name, one.importance, one.share, one.film) for one in cards[0].concepts]
    assert found == [
        (names[1], -2.0, 1.0, None),
        (names[3], 1.0, 0.5, None),
        (names[0], 0.5, 0.25, None),
    ]
    assert not cards[0].has_films


def test_what_the_network_says_is_told(world: ToyWorld, explanation: Explanation):
    names = world.classifier.class_names
    right = image_cards(explanation, world.classifier, names=list("abcdefghij"))
    share = world.classifier.logits(explanation.images).softmax(dim=1).cpu()
    klass = int(explanation.target[3])
    assert right[3].title == f"d: class {names[klass]}"
    assert right[3].said == f"The network predicts {names[klass]} ({share[3, klass]:.0%})."
    other = (klass + 1) % len(names)
    asked = replace(explanation, target=torch.full((10,), other))
    (said,) = {image_cards(asked, world.classifier, names=list("abcdefghij"))[3].said}
    assert said == (
        f"The network predicts {names[klass]} ({share[3, klass]:.0%}); it gives class "
        f"{names[other]} {share[3, other]:.0%}."
    )


def test_an_oracle_that_renders_makes_films(world: ToyWorld, explanation: Explanation):
    (card,) = image_cards(
        replace(
            explanation,
            images=explanation.images[:1], target=explanation.target[:1], maps={},
            importance=explanation.importance[:1], units=explanation.units[torch.tensor([0])],
        ),
        world.classifier,
        world.oracle,
    )  # fmt: skip
    assert card.has_films and all(row.film is not None for row in card.concepts)
    bare = replace(explanation, units=None)
    assert not image_cards(bare, world.classifier, world.oracle)[0].has_films


def test_concepts_that_the_method_shows_are_kept(world: ToyWorld, explanation: Explanation):
    names = world.space.names()
    logits = torch.zeros(len(world.classifier.class_names))
    shown = WhatIf(0, (Change(names[2], Action.SHIFT, 1.0, "up"),), logits)
    cards = image_cards(
        replace(explanation, what_ifs=(shown,)), world.classifier, world.oracle, list("abcdefghij")
    )
    # It has no importance here, and comes last.
    assert [row.name for row in cards[0].concepts] == [names[k] for k in (1, 3, 0, 2)]


def test_concepts_of_another_space_have_no_films(world: ToyWorld, explanation: Explanation):
    other = replace(explanation, concepts=("p", "q", "r", "s"))
    assert not image_cards(other, world.classifier, world.oracle)[0].has_films


def test_an_explanation_of_pixels_has_no_concepts(world: ToyWorld, explanation: Explanation):
    pixels = replace(explanation, concepts=(), importance=None)
    assert image_cards(pixels, world.classifier, world.oracle)[0].concepts == ()
