"""Concepts: what one unit of change is for each kind, and a kind of a stranger's own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from causalxai.concept import BooleanConcept, Concept, ParameterConcept, Units, alike, unit_changes
from causalxai.intervention import Action


@dataclass(frozen=True, slots=True)
class Activation(Concept):
    """A value that is never negative; one intervention doubles it or takes it away."""

    low: float | None = 0.0

    def moved(self, values: Tensor, amount: Tensor) -> Tensor:
        return torch.where(amount > 0, 2 * values, torch.zeros_like(values))


FREE = Concept("free", scale=2.0)
BOUNDED = Concept("bounded", low=0.0, high=1.0, scale=0.5)
BIT, WEIGHT = BooleanConcept("bit"), ParameterConcept("weight")
CONSTANT = Concept("never varies", scale=0.0)


def test_a_change_stops_at_the_end_of_the_scale_and_claims_less():
    concepts = [FREE, BOUNDED, BIT, WEIGHT, CONSTANT, Activation("neuron", scale=3.0)]
    values = torch.tensor([[3.0, 0.75, 1.0, 1.0, 2.0, 3.0]])
    up, down = (unit_changes(concepts, values, up=way) for way in (True, False))
    assert up.set_to.tolist() == [[5.0, 1.0, 0.0, 0.0, 2.0, 6.0]]
    assert up.share.tolist() == [[1.0, 0.5, -1.0, -1.0, 0.0, 1.0]]
    assert down.set_to.tolist() == [[1.0, 0.25, 0.0, 0.0, 2.0, 0.0]]
    assert down.share.tolist() == [[-1.0, -1.0, -1.0, -1.0, 0.0, -1.0]]


def test_a_value_outside_its_bounds_is_not_brought_back():
    values = torch.tensor([-3.0, 4.0])
    assert BOUNDED.moved(values, torch.tensor(0.5)).tolist() == [-2.5, 4.0]
    assert BOUNDED.moved(values, torch.tensor(-0.5)).tolist() == [-3.0, 3.5]


@pytest.mark.parametrize("concept", [FREE, BIT, WEIGHT])
def test_an_intervention_does_what_the_unit_change_says(concept: Concept):
    state = torch.tensor([[1.0], [1.0]])
    for up in (True, False):
        change = concept.unit_change(state[:, 0], up=up)
        done = concept.intervention(0, up=up)
        assert torch.equal(done.apply(state)[0, :, 0], change.set_to)
        assert change.share.tolist() == [float(concept.sign(up=up))] * 2
    assert concept.intervention(0).action is concept.action


def test_the_kinds_name_their_actions():
    assert [one.action for one in (FREE, BIT, WEIGHT)] == [Action.SHIFT, Action.FLIP, Action.SET]
    assert [one.is_binary for one in (FREE, BIT, WEIGHT)] == [False, True, False]
    assert [one.is_measured for one in (FREE, BIT, WEIGHT)] == [True, True, False]


def test_contrasts_lie_one_unit_apart():
    values = torch.tensor([0.25, 0.75, 1.0])
    for concept, expected in [
        (FREE, ([1.25, 1.75, 2.0], [-0.75, -0.25, 0.0])),
        (BOUNDED, ([0.5, 1.0, 1.0], [0.0, 0.5, 0.75])),
        (BIT, ([1, 1, 1], [0, 0, 0])),
        (WEIGHT, ([1, 1, 1], [0, 0, 0])),
    ]:
        above, below = concept.contrast(values)
        assert (above.tolist(), below.tolist()) == expected


def test_other_values_are_none_that_most_units_have():
    assert FREE.other_values(torch.tensor([1.0, 3.0])) == (3.0,)
    assert BOUNDED.other_values(torch.tensor([0.0, 2.0])) == (1.0,)
    assert CONSTANT.other_values(torch.tensor([2.0, 2.0])) == (3.0,)
    assert BIT.other_values(torch.tensor([1.0, 0.0])) == (0,)
    assert WEIGHT.other_values(torch.ones(2)) == (0.0, 0.5)


@pytest.mark.parametrize(
    ("concept", "before", "after", "words"),
    [
        (FREE, 1.0, 3.0, "free +1\N{NO-BREAK SPACE}sd"),
        (FREE, 1.0, 0.0, "free \N{MINUS SIGN}0.5\N{NO-BREAK SPACE}sd"),
        (Concept("width", unit="mm", scale=2.0), 1.0, 3.0, "width +2\N{NO-BREAK SPACE}mm"),
        (CONSTANT, 1.0, 1.0, "never varies +0\N{NO-BREAK SPACE}sd"),
        (BooleanConcept("smiling"), 1.0, 0.0, "not smiling"),
        (BooleanConcept("smiling"), 0.0, 1.0, "smiling"),
        (ParameterConcept("conv1[3]"), 1.0, 0.0, "conv1[3] removed"),
        (ParameterConcept("conv1[3]"), 1.0, 0.5, "conv1[3] times 0.5"),
    ],
)
def test_changes_in_words(concept: Concept, before: float, after: float, words: str):
    assert concept.in_words(before, after) == words


def test_concepts_that_differ_in_name_layer_and_tier_alone_go_together():
    concepts = [
        ParameterConcept("a[0]", layer="a", tier=0),
        BooleanConcept("bit"),
        ParameterConcept("b[0]", layer="b", tier=1),
        Concept("c", scale=2.0),
        Concept("d", scale=3.0),
    ]
    assert [columns.tolist() for _, columns in alike(concepts)] == [[0, 2], [1], [3], [4]]


def test_units_are_shown_by_the_shape_of_their_values():
    assert (
        repr(Units(torch.zeros(3, 2), {"images": torch.rand(3, 1, 4, 4)})) == "Units(values [3, 2])"
    )
