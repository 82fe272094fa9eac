"""What the report says of factors and of an explanation by them."""

from __future__ import annotations

from collections.abc import Callable

from causalxai import ScoringInputs
from causalxai.explainer import Explanation
from causalxai.report.builder import ReportInputs
from causalxai.report.inlined import inlined_image
from causalxai.report.section import Figure, Section, Table, Text
from causalxai_activations.factor_explainer import FactorExplainer
from causalxai_activations.factor_space import FactorSpace
from causalxai_activations.report.factor_explanation import explanation_report
from causalxai_activations.report.factors import concept_report


def reported(inputs: ScoringInputs, explanation: Explanation | None = None) -> ReportInputs:
    return ReportInputs(
        classifier=inputs.classifier,
        dataset=inputs.dataset,
        rng=inputs.rng,
        space=inputs.space,
        explanation=explanation,
    )


def texts(section: Section) -> str:
    return " ".join(item.text for item in section.items if isinstance(item, Text))


def test_the_reconstruction_is_told_beside_chance(inputs: ScoringInputs, space: FactorSpace):
    (section,) = concept_report(space, reported(inputs)).sections
    quality = space.quality_
    assert f"leave {quality.error.value:.0%} of the activations" in texts(section)
    assert f"shuffled factors {quality.shuffled_error.value:.0%}" in texts(section)
    assert "the layer relu for 540 crops of 60 training images" in texts(section)
    table = next(item for item in section.items if isinstance(item, Table))
    assert table.rows[1][3] == f"{quality.chance:.1%}"
    assert any(isinstance(item, Figure) and item.png for item in section.items)


def test_a_factorisation_that_did_not_converge_is_told(
    fit: Callable[..., FactorSpace], inputs: ScoringInputs
):
    (section,) = concept_report(fit(steps=2), reported(inputs)).sections
    assert "Note: the factorisation had not converged after 2 steps" in texts(section)


def test_fewer_factors_than_usual_are_explained(
    fit: Callable[..., FactorSpace], inputs: ScoringInputs
):
    (section,) = concept_report(fit(factors=None), reported(inputs)).sections
    assert "only 7 of the layer's 7 channels are active in the crops" in texts(section)
    few = fit(factors=None, crop=1.0, images=2)
    (section,) = concept_report(few, reported(inputs)).sections
    assert "there are only 2 crops" in texts(section)
    (section,) = concept_report(fit(), reported(inputs)).sections
    assert "fewer factors than the usual" not in texts(section)


def test_a_factor_means_the_crops_that_have_most_of_it(inputs: ScoringInputs, space: FactorSpace):
    meanings = concept_report(space, reported(inputs)).meanings
    assert list(meanings) == [concept.name for concept in space.concepts]
    for place, meaning in enumerate(meanings.values()):
        assert meaning.in_box and len(meaning.pictures) == 6
        assert meaning.pictures[0].picture == inlined_image(space.crops_[place, 0])
    assert meanings["factor 1"].text.startswith("Of 540 crops of 60 training images, those")


def test_factors_are_listed_by_their_importance(inputs: ScoringInputs):
    images = inputs.dataset.test.images[:5]
    explainer = FactorExplainer()
    explanation = explainer.explain(images, inputs.classifier.predict(images), inputs)
    (section,) = explanation_report(explainer, explanation, reported(inputs, explanation))
    table = next(item for item in section.items if isinstance(item, Table))
    indices = [float(row[1]) for row in table.rows]
    assert indices == sorted(indices, reverse=True)
    assert {row[0] for row in table.rows} == set(explanation.concepts)
    assert "it is 0.33 for each if all matter alike" in table.caption
