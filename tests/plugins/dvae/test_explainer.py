"""The explainer: its claims against the oracle's answers, aims, pictures, and its promises."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from causalxai import Explanation, ScoringInputs
from causalxai.errors import CapabilityError
from causalxai.explainer import Explainer
from causalxai.generic.minimal_sets import minimal_sets
from causalxai.intervention import Action, Intervention
from causalxai.report.section import Figure, Table, Text
from causalxai.testing import Bench, checks_for, toy_world
from causalxai_dvae.explainer import FlipExplainer
from causalxai_dvae.flip_answers import FlipAnswers
from causalxai_dvae.report.explanation import explanation_section


def explain(inputs: ScoringInputs, count: int = 12, **settings: object) -> Explanation:
    images = inputs.dataset.test.images[:count]
    target = inputs.classifier.predict(images)
    return FlipExplainer(**settings).explain(images, target, inputs)


@pytest.mark.parametrize("check", checks_for(Explainer), ids=lambda check: check.__name__)
@pytest.mark.parametrize("settings", [{}, {"towards": "lying", "pictures": 1}])
def test_flip_explainer_keeps_its_promises(check, bit_context: ScoringInputs, settings):
    images = bit_context.dataset.test.images[:3]
    check(Bench(plugin=FlipExplainer(**settings), inputs=bit_context, images=images))


def test_importance_is_what_a_bit_adds_to_the_targets_logit(bit_context: ScoringInputs):
    space, images = bit_context.space, bit_context.dataset.test.images[:5]
    target = torch.tensor([0, 1, 2, 1, 0])
    explanation = FlipExplainer().explain(images, target, bit_context)
    code = space.encode(images).values

    def logit(code: Tensor) -> Tensor:
        logits = space.layer_.logits(space.autoencoder_.decode(code))
        return logits[torch.arange(5), target]

    for bit in range(code.shape[1]):
        flipped = code.clone()
        flipped[:, bit] = 1 - flipped[:, bit]
        expected = logit(code) - logit(flipped)
        torch.testing.assert_close(explanation.importance[:, bit], expected, atol=1e-4, rtol=1e-4)


def test_what_ifs_are_what_the_oracle_answers(bit_context: ScoringInputs):
    explanation = explain(bit_context, pictures=5)
    oracle, details = bit_context.oracle, explanation.details
    units = bit_context.space.encode(explanation.images)
    bits = units.values.shape[1]
    minimal = minimal_sets(oracle, units)
    whole, some = torch.ones_like(minimal.changed), minimal.changed
    nothing = torch.zeros_like(some)
    found = FlipAnswers.of(explanation)
    assert len(found.pictured) == 5
    logits = (found.perceived, found.all_flipped, found.minimal_flipped)
    for flipped, mine, pictures in zip((nothing, whole, some), logits, found.pictures, strict=True):
        code = torch.where(flipped, 1 - units.values, units.values)
        asked = Intervention.set(torch.arange(bits)[None], code[None])
        answer = oracle.query(units, asked, want=("logits", "images"))
        torch.testing.assert_close(mine, answer.answer("logits")[0])
        torch.testing.assert_close(pictures, answer.answer("images")[0, found.pictured])
    assert torch.equal(details["minimal"], minimal.changed)
    assert torch.equal(details["size"], minimal.size)
    own = bit_context.classifier.probabilities(explanation.images)
    torch.testing.assert_close(details["original"], own)


def test_what_ifs_say_which_bits_are_flipped(bit_context: ScoringInputs):
    explanation, names = explain(bit_context, 4, pictures=1), bit_context.space.names()
    assert torch.equal(
        explanation.units.values, bit_context.space.encode(explanation.images).values
    )
    for row in range(4):
        own = [one for one in explanation.what_ifs if one.row == row]
        minimal = [names[bit] for bit in explanation.details["minimal"][row].nonzero()[:, 0]]
        expected = [("as perceived", []), ("all bits flipped", [*names])]
        expected += [("minimal set flipped", minimal)] * bool(minimal)
        expected += [(f"{name} flipped", [name]) for name in names]
        assert [(one.words, [c.concept for c in one.changes]) for one in own] == expected
        assert {change.action for one in own for change in one.changes} == {Action.FLIP}
        kept = sum(one.image is not None for one in own)
        assert kept == (len(expected) - len(names)) * (row in FlipAnswers.of(explanation).pictured)


def test_an_image_without_a_minimal_set_is_as_perceived():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 2, 3, generator=generator)
    pictures = torch.rand(3, 1, 1, 2, 2, generator=generator)
    answers = FlipAnswers(*logits[:3], logits[3:5].clone(), torch.tensor([0]), pictures)
    minimal = torch.tensor([[False, False], [True, False]])
    what_ifs = answers.what_ifs(("a", "b"), minimal)
    images, target = torch.rand(2, 1, 2, 2), torch.zeros(2, dtype=torch.int64)
    back = FlipAnswers.of(Explanation(images, target, what_ifs=what_ifs))
    assert torch.equal(back.minimal_flipped, torch.stack([logits[0, 0], logits[2, 1]]))
    assert torch.equal(back.pictures, pictures[[0, 1, 0]])
    assert torch.equal(back.each_flipped, answers.each_flipped)


def test_maps_are_where_pictures_differ(bit_context: ScoringInputs):
    explanation = explain(bit_context, pictures=12)
    assert list(explanation.maps) == ["flip", "minimal flip"]
    perceived, *others = FlipAnswers.of(explanation).pictures
    for name, pictures in zip(explanation.maps, others, strict=True):
        change = (pictures - perceived).abs().mean(dim=1)
        torch.testing.assert_close(explanation.maps[name], change)
        assert change.max() > 0.05


def test_minimal_sets_turn_the_prediction(bit_context: ScoringInputs):
    explanation = explain(bit_context, 40)
    details, answers = explanation.details, FlipAnswers.of(explanation)
    turned = answers.minimal_flipped.argmax(dim=1) != answers.perceived.argmax(dim=1)
    assert torch.equal(turned, details["turned"])
    assert turned.float().mean() > 0.9
    assert (details["size"][turned] >= 1).all()


@pytest.mark.parametrize("klass", ["standing", "crossed"])
def test_flips_can_be_aimed_at_a_class(bit_context: ScoringInputs, klass: str):
    explanation = explain(bit_context, 40, towards=klass)
    details, goal = explanation.details, bit_context.classifier.class_names.index(klass)
    answers = FlipAnswers.of(explanation)
    there = answers.perceived.argmax(dim=1) == goal
    assert there.any()
    assert (details["size"][there] == 0).all()
    turned = details["turned"] & ~there
    assert turned.float().sum() > 0.8 * (~there).float().sum()
    assert (answers.minimal_flipped[turned].argmax(dim=1) == goal).all()
    assert (details["size"][turned] >= 1).all()
    section = explanation_section(explanation, bit_context.dataset.class_names)
    text = next(item.text for item in section.items if isinstance(item, Text))
    assert f"{int(there.sum())} are predicted as {klass} already" in text


def test_an_unknown_class_is_refused(bit_context: ScoringInputs):
    with pytest.raises(CapabilityError, match=r"no class 'standign'.*did you mean 'standing'"):
        explain(bit_context, towards="standign")


def test_an_explanation_does_not_depend_on_the_other_images(bit_context: ScoringInputs):
    many, one = explain(bit_context, 6), explain(bit_context, 1)
    torch.testing.assert_close(many.importance[:1], one.importance, atol=1e-4, rtol=1e-4)
    assert torch.equal(many.details["minimal"][:1], one.details["minimal"])


def test_pictures_are_kept_of_every_class(bit_context: ScoringInputs):
    explanation = explain(bit_context, 30, pictures=3)
    assert len(explanation.target[FlipAnswers.of(explanation).pictured].unique()) == 3


def test_the_report_shows_flips_or_only_tells_of_them(bit_context: ScoringInputs):
    names = bit_context.dataset.class_names
    section = explanation_section(explain(bit_context), names)
    kinds = [type(item) for item in section.items]
    assert kinds == [Text, Figure, Figure, Table]
    section = explanation_section(explain(bit_context, pictures=0), names)
    assert [type(item) for item in section.items] == [Text, Figure, Table]


def test_the_same_explanation_has_the_same_figures(bit_context: ScoringInputs):
    explanation = explain(bit_context)
    names = bit_context.dataset.class_names
    first, again = (explanation_section(explanation, names).items for _ in range(2))
    assert first == again


def test_concepts_that_are_not_boolean_are_refused():
    with pytest.raises(CapabilityError, match="flips need boolean concepts"):
        FlipExplainer().explain(torch.rand(1, 1, 8, 8), 0, toy_world(0).inputs())
