from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from causalxai import Intervention
from causalxai.intervention import NO_TARGET, Action


@st.composite
def cases(draw: st.DrawFn) -> tuple[Intervention, Tensor]:
    """Some interventions of any kind, short rows filled up, and a state that they fit."""
    q, n, d = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 5))
    k = draw(st.integers(0, d))
    rows = []
    for _ in range(q):
        row = draw(st.permutations(range(d)))[:k]
        kept = draw(st.lists(st.booleans(), min_size=k, max_size=k))
        rows.append([one if keep else NO_TARGET for one, keep in zip(row, kept, strict=True)])
    rng = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    shape = (q, n, k) if draw(st.booleans()) else (q, k)
    action = draw(st.sampled_from(Action))
    targets = torch.tensor(rows, dtype=torch.int64).view(q, k)
    values = torch.randn(shape, generator=rng)
    return Intervention(targets, values, action), torch.rand(n, d, generator=rng)


def plainly_applied(intervention: Intervention, state: Tensor) -> Tensor:
    """Do the same one number at a time."""
    after = []
    for row, targets in enumerate(intervention.targets.tolist()):
        for unit, before in enumerate(state):
            values = intervention.values[row]
            values = values[unit] if values.dim() == 2 else values
            one = before.clone()
            for target, value in zip(targets, values, strict=True):
                if target == NO_TARGET:
                    continue
                match intervention.action:
                    case Action.SET:
                        one[target] = value
                    case Action.SHIFT:
                        one[target] = before[target] + value
                    case Action.FLIP:
                        one[target] = 1 - before[target]
            after.append(one)
    return torch.stack(after).view(len(intervention), *state.shape)


@given(cases())
def test_apply_does_what_a_plain_loop_does(case: tuple[Intervention, Tensor]):
    intervention, state = case
    untouched = state.clone()
    assert torch.equal(intervention.apply(state), plainly_applied(intervention, state))
    assert torch.equal(state, untouched)


@given(cases())
def test_resolve_gives_what_the_targets_become(case: tuple[Intervention, Tensor]):
    intervention, state = case
    values, after = intervention.resolve(state), intervention.apply(state)
    assert values.shape == (len(intervention), len(state), intervention.targets.shape[1])
    for row, column in (intervention.targets != NO_TARGET).nonzero().tolist():
        target = intervention.targets[row, column]
        assert torch.equal(values[row, :, column], after[row, :, target])


@given(cases(), st.data())
def test_a_part_acts_as_it_does_within_the_whole(
    case: tuple[Intervention, Tensor], data: st.DataObject
):
    intervention, state = case
    whole = intervention.apply(state)
    rows = data.draw(st.slices(len(intervention)).filter(lambda rows: (rows.step or 1) > 0))
    units = data.draw(st.slices(len(state)).filter(lambda units: (units.step or 1) > 0))
    part = intervention[rows].for_units(units)
    assert torch.equal(part.apply(state[units]), whole[rows, units])
    chosen = torch.arange(len(intervention))[rows]
    assert torch.equal(intervention[chosen].apply(state), whole[rows])


def test_the_empty_intervention_changes_nothing():
    state = torch.rand(3, 4)
    nothing = Intervention.none(2)
    assert len(nothing) == 2
    assert torch.equal(nothing.apply(state), state.expand(2, 3, 4))


@pytest.mark.parametrize(
    ("intervention", "after"),
    [
        (Intervention.set(torch.tensor([0, 2]), 5.0), [[5, 1, 0.25], [0.5, 1, 5]]),
        (Intervention.set(torch.tensor([[0, 2]]), torch.tensor([[5, 6]])), [[5, 1, 6]]),
        (Intervention.shift(torch.tensor([1]), torch.tensor([2])), [[0.5, 3, 0.25]]),
        (Intervention.flip(torch.tensor([[1, 2]])), [[0.5, 0, 0.75]]),
        (Intervention.ablate(torch.tensor([[NO_TARGET, 1]])), [[0.5, 0, 0.25]]),
    ],
    ids=["set one each", "set two at once", "shift", "flip", "ablate"],
)
def test_each_kind_does_what_its_name_says(intervention: Intervention, after: list[list[float]]):
    state = torch.tensor([[0.5, 1.0, 0.25]])
    assert torch.equal(intervention.apply(state)[:, 0], torch.tensor(after))


def test_units_may_have_values_of_their_own():
    intervention = Intervention.set(torch.tensor([1]), torch.tensor([[[7.0], [8.0]]]))
    after = intervention.apply(torch.zeros(2, 2))
    assert after.tolist() == [[[0, 7], [0, 8]]]


def test_the_state_decides_the_precision():
    intervention = Intervention.shift(torch.tensor([0]), 1.0)
    assert intervention.apply(torch.zeros(1, 1, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize("rows", [[[0, 1], [2, 2]], [[0, 1], [2, NO_TARGET], [1, 1]]])
def test_a_concept_twice_in_a_row_is_refused(rows: list[list[int]]):
    targets = torch.tensor([(*row, NO_TARGET) for row in rows])
    with pytest.raises(ValueError, match=f"intervention {len(rows) - 1} names a concept twice"):
        Intervention.ablate(targets)


def test_no_target_may_stand_many_times():
    assert len(Intervention.ablate(torch.full((2, 3), NO_TARGET))) == 2


@pytest.mark.parametrize(
    ("targets", "values", "message"),
    [
        (torch.zeros(2, 1), torch.zeros(2, 1), r"targets are int64 \[q, k\], not float32 \[2, 1\]"),
        (torch.zeros(2, dtype=torch.int64), torch.zeros(2), r"targets are int64 .* int64 \[2\]"),
        (torch.zeros(2, 1, dtype=torch.int64), torch.zeros(2), r"not float32 \[2\]"),
        (torch.zeros(2, 1, dtype=torch.int64), torch.zeros(3, 1), r"with targets \(2, 1\), not"),
        (torch.zeros(2, 1, dtype=torch.int64), torch.zeros(2, 4, 2), r"not float32 \[2, 4, 2\]"),
    ],
)
def test_shapes_that_disagree_are_refused(targets: Tensor, values: Tensor, message: str):
    with pytest.raises(ValueError, match=message):
        Intervention(targets, values)


def test_its_text_is_short_however_many_there_are():
    targets = torch.arange(3000).reshape(1000, 3)
    shown = repr(Intervention(targets, torch.zeros(1000, 3), Action.SHIFT))
    assert shown == "Intervention(1000 times SHIFT, of at most 3 concepts)"
