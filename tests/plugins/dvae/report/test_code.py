"""What the report says of a code and of its pictures, and when it may say so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from causalxai import ScoringInputs
from causalxai.explainer import Explanation
from causalxai.graph import CausalGraph, Edge
from causalxai.report.section import Figure, Table, Text
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.explainer import FlipExplainer
from causalxai_dvae.picture_quality import PictureQuality
from causalxai_dvae.report.code import _doubt, _picture_verdict, code_section
from causalxai_dvae.report.effects import effects_section
from causalxai_dvae.report.explanation import explanation_section

WELL = PictureQuality(
    n=80,
    reconstruction=0.01,
    mean_image=0.1,
    agreement=0.96,
    agreement_flipped=0.96,
    chance=0.5,
    chance_flipped=0.5,
    shared_information=0.6,
    shared_by_chance=0.4,
)
HONEST = "The pictures show the features that determine the prediction."


@pytest.fixture
def space(bit_space: BitSpace) -> BitSpace:
    """Return a copy, whose figures a test may change."""
    copy = BitSpace(bit_space.config)
    copy.__dict__.update(bit_space.__dict__)
    return copy


def words(space: BitSpace, inputs: ScoringInputs) -> str:
    items = code_section(space, inputs.dataset).items
    return " ".join(item.text for item in items if isinstance(item, Text))


@pytest.mark.parametrize(
    ("changes", "honest"),
    [
        ({}, True),
        ({"agreement": 0.951, "agreement_flipped": 0.951}, True),
        ({"agreement": 0.94}, False),
        ({"agreement_flipped": 0.94}, False),
        # Where nearly all images are of one class, anybody agrees.
        ({"chance": 0.95}, False),
        ({"chance_flipped": 0.95}, False),
        ({"agreement": 1.0, "chance": 1.0}, False),
        (
            {"agreement": 0.92, "agreement_flipped": 0.92, "chance": 0.1, "chance_flipped": 0.1},
            True,
        ),
    ],
)
def test_pictures_show_what_decides_only_far_above_chance(changes: dict[str, float], honest: bool):
    text = _picture_verdict(replace(WELL, **changes))
    assert (HONEST in text) == honest
    assert ("the pictures are only illustrations" in text) != honest


@pytest.mark.parametrize("turn", [0.0, 0.1])
def test_a_code_that_was_trained_to_turn_is_told(
    space: BitSpace, bit_context: ScoringInputs, turn: float
):
    autoencoder = space.config.autoencoder.model_copy(update={"turn": turn})
    space.config = space.config.model_copy(update={"autoencoder": autoencoder})
    assert ("as it was trained to (turn: 0.1)" in words(space, bit_context)) == (turn > 0)


@pytest.mark.slow
def test_bits_are_drawn_by_what_they_tell(space: BitSpace, bit_context: ScoringInputs):
    def drawn(information: tuple[float, ...]) -> str | None:
        space.quality_ = replace(space.quality_, information=information)
        figures = [
            item
            for item in code_section(space, bit_context.dataset).items
            if isinstance(item, Figure)
        ]
        return figures[0].svg

    assert "information, in bits" in str(drawn((0.5,) * 6))
    assert drawn((0.5,) * 6) != drawn((0.4,) * 6)


def test_names_are_no_formulas():
    graph = CausalGraph(["bit 0", "$a_$ b"], [Edge("bit 0", "$a_$ b", weight=1.0)])
    section = effects_section(graph, ["bit 0"])
    assert "$a_$ b" in section.items[-1].svg


def test_flips_of_classes_and_bits_called_like_formulas_are_drawn(bit_context: ScoringInputs):
    explainer, images = FlipExplainer(), bit_context.dataset.test.images[:6]
    explanation = explainer.explain(images, bit_context.classifier.predict(images), bit_context)
    names = tuple(f"$b_$ {number}" for number in range(6))
    dataset = replace(bit_context.dataset, class_names=("$a_$", "$b_$", "$c_$"))
    odd = replace(bit_context, dataset=dataset)
    section = explanation_section(replace(explanation, concepts=names), odd.dataset.class_names)
    assert any("$b_$ 0" in str(item.svg) for item in section.items if isinstance(item, Figure))


def test_the_report_claims_no_smallest_sets(bit_context: ScoringInputs):
    explainer, images = FlipExplainer(), bit_context.dataset.test.images[:6]
    explanation: Explanation = explainer.explain(
        images, bit_context.classifier.predict(images), bit_context
    )
    section = explanation_section(explanation, bit_context.dataset.class_names)
    words = [item.text for item in section.items if isinstance(item, Text)]
    for item in section.items:
        if isinstance(item, Figure):
            words += [item.caption, item.alt, str(item.svg)]
        elif isinstance(item, Table):
            words += [item.caption, *item.columns]
    text = " ".join(words)
    assert "smallest" not in text and "fewest" not in text
    assert "no single bit can be removed" in text


@pytest.mark.parametrize(
    ("warning", "agreement", "expected"),
    [
        (None, 0.95, ""),
        (
            None,
            0.85,
            "The generator's pictures are only illustrations: they omit or add features that "
            "determine the prediction.",
        ),
        ("2 of 9 bits are dead", 0.95, "2 of 9 bits are dead."),
    ],
)
def test_a_collapsed_code_and_pictures_that_do_not_show_it_are_doubted(
    warning: str | None, agreement: float, expected: str
):
    pictures = PictureQuality(9, 0.1, 0.2, agreement, 1.0, 0.0, 0.0, 0.5, 0.1)
    assert _doubt(warning, pictures) == expected
