"""Sets that turn predictions, against brute force, and how many questions they take."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from causalxai import Classifier
from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.generic.minimal_sets import minimal_sets
from causalxai.intervention import Intervention
from causalxai.oracle import DEFAULT_MEMORY_CEILING, Oracle, Response
from causalxai.testing.toys import ToySpace, toy_world


class Bits(ToySpace):
    """Bits, and nothing to read them from."""

    @property
    def concepts(self) -> Sequence[Concept]:
        return [BooleanConcept(f"bit {i}") for i in range(self.count)]


class LinearOracle(Oracle):
    """Logits that are linear in the bits, so that each of them has an effect of its own."""

    propagates = False

    def _respond(self, units, interventions, want):
        return Response(logits=(2 * interventions.apply(units.values) - 1) @ self.weights + self.at)


def linear_oracle(weights: Tensor, at: Tensor, ceiling: int = DEFAULT_MEMORY_CEILING) -> Oracle:
    """Return an oracle with logits ``(2 z - 1) @ weights + at``."""
    bits, classes = weights.shape
    space = Bits()
    space.count = bits
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, classes))
    names = tuple("abcdefgh"[:classes])
    classifier = Classifier(model, class_names=names, image_shape=(1, 2, 2))
    oracle = LinearOracle().bind(classifier, space, memory_ceiling=ceiling)
    oracle.weights, oracle.at = weights, at
    return oracle


class TableOracle(Oracle):
    """A margin for every code, so that bits may act together in any way."""

    propagates = False

    def _respond(self, units, interventions, want):
        code = interventions.apply(units.values).long()
        places = (code << torch.arange(code.shape[-1])).sum(dim=-1)
        margins = self.margins[places]
        return Response(logits=torch.stack([-margins / 2, margins / 2], dim=-1))


def table_oracle(margins: Tensor) -> Oracle:
    """Return an oracle where bits ``z`` have the margin at place ``sum_i z_i 2 ** i``."""
    space = Bits()
    space.count = len(margins).bit_length() - 1
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    classifier = Classifier(model, class_names=("a", "b"), image_shape=(1, 2, 2))
    oracle = TableOracle().bind(classifier, space)
    oracle.margins = margins
    return oracle


def problem(seed: int, classes: int, bits: int = 5, n: int = 12) -> tuple[Oracle, Units]:
    rng = torch.Generator().manual_seed(seed)
    weights = torch.randn(bits, classes, generator=rng)
    at = torch.randn(classes, generator=rng)
    codes = torch.randint(2, (n, bits), generator=rng).float()
    return linear_oracle(weights, at), Units(codes)


def every_set(bits: int, n: int) -> Tensor:
    """Return all sets of bits, ``[2 ** b, n, b]``, the smallest first."""
    sets = sorted(product([False, True], repeat=bits), key=sum)
    return torch.tensor(sets)[:, None].expand(-1, n, -1)


def flip_some(units: Units, flipped: Tensor) -> Intervention:
    """Return ``q`` interventions that flip bits of each unit's own: ``[q, n, b]``, bool."""
    values = units.values.where(~flipped, 1 - units.values)
    return Intervention.set(torch.arange(values.shape[2]).expand(len(values), -1), values)


def classes_after(oracle: Oracle, units: Units, flipped: Tensor) -> Tensor:
    return oracle.query(units, flip_some(units, flipped)).answer("logits").argmax(dim=-1)


def smallest(oracle: Oracle, units: Units, goal: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return, by brute force, whether a prediction can be turned and how many bits it takes."""
    sets = every_set(units.values.shape[1], len(units))
    classes = classes_after(oracle, units, sets)
    hits = classes != classes[0] if goal is None else classes == goal
    return hits.any(dim=0), sets[hits.int().argmax(dim=0), 0].sum(dim=1)


def irreducible(oracle: Oracle, units: Units, flipped: Tensor, goal: Tensor | None) -> Tensor:
    """Return, unit by unit, whether the set turns the prediction and no set with one bit less."""
    n, bits = flipped.shape
    before = classes_after(oracle, units, torch.zeros_like(flipped)[None])[0]
    own = torch.eye(bits, dtype=torch.bool)[:, None].expand(-1, n, -1)
    classes = classes_after(oracle, units, torch.cat([flipped[None], flipped & ~own]))
    hits = classes != before if goal is None else classes == goal
    spared = hits[1:] & flipped.T
    return hits[0] & ~spared.any(dim=0)


@given(st.integers(0, 10_000))
def test_with_two_classes_the_sets_are_the_smallest(seed: int):
    oracle, units = problem(seed, classes=2)
    found = minimal_sets(oracle, units)
    possible, fewest = smallest(oracle, units, None)
    assert torch.equal(found.turned, possible)
    assert torch.equal(found.size[possible], fewest[possible])
    assert irreducible(oracle, units, found.changed, None)[possible].all()
    assert not found.changed[~possible].any()


@given(st.integers(0, 10_000), st.integers(3, 5))
def test_sets_turn_the_prediction_and_have_no_spare_bit(seed: int, classes: int):
    oracle, units = problem(seed, classes)
    found = minimal_sets(oracle, units)
    possible, fewest = smallest(oracle, units, None)
    assert not (found.turned & ~possible).any()
    assert (found.size >= fewest)[found.turned].all()
    assert irreducible(oracle, units, found.changed, None)[found.turned].all()


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_sets_lead_to_the_class_that_is_asked_for(seed: int, classes: int):
    oracle, units = problem(seed, classes)
    goal = torch.randint(classes, (len(units),), generator=torch.Generator().manual_seed(seed))
    found = minimal_sets(oracle, units, goal)
    possible, fewest = smallest(oracle, units, goal)
    assert not (found.turned & ~possible).any()
    assert (found.logits.argmax(dim=1) == goal)[found.turned].all()
    assert (found.size >= fewest)[found.turned].all()
    there = classes_after(oracle, units, torch.zeros_like(found.changed)[None])[0] == goal
    assert found.turned[there].all()
    assert not found.changed[there].any()
    assert irreducible(oracle, units, found.changed, goal)[found.turned & ~there].all()


@given(st.integers(0, 10_000))
def test_where_bits_act_together_no_single_bit_can_be_taken_back(seed: int):
    rng = torch.Generator().manual_seed(seed)
    oracle = table_oracle(torch.randn(32, generator=rng) - 1)
    units = Units(every_set(5, 1)[:, 0].float())
    found = minimal_sets(oracle, units)
    assert irreducible(oracle, units, found.changed, None)[found.turned].all()
    assert not found.changed[~found.turned].any()


def test_where_bits_act_together_a_part_of_a_set_may_do():
    margins = torch.full((16,), -9.0)
    # Each bit alone, and what the first one, the best, leads to.
    margins[[0b0001, 0b0010, 0b0100, 0b1000]] = torch.tensor([-1.0, -2.0, -2.0, -2.0])
    margins[[0b0011, 0b0111, 0b1111]] = torch.tensor([-1.0, -1.0, 1.0])
    margins[0b0110] = 2.0
    oracle, units = table_oracle(margins), Units(torch.zeros(1, 4))
    found = minimal_sets(oracle, units)
    assert found.changed.tolist() == [[True] * 4]
    assert irreducible(oracle, units, found.changed, None).all()
    part = torch.tensor([[[False, True, True, False]]])
    assert classes_after(oracle, units, part).tolist() == [[1]]


def test_spare_bits_are_taken_back():
    # What each flip adds: the first bit helps the second class most, and a third one even more.
    gains = torch.tensor([[0, 3.5, 9.0], [0, 2.2, 1.9], [0, 2.2, 1.9]])
    before = torch.tensor([4.0, 0.0, -5.0])
    oracle = linear_oracle(-gains / 2, before + gains.sum(dim=0) / 2)
    units = Units(torch.ones(1, 3))
    one_bit = classes_after(oracle, units, torch.eye(3, dtype=torch.bool)[:, None])
    assert (one_bit != 1).all()
    found = minimal_sets(oracle, units, torch.tensor([1]))
    assert found.changed.tolist() == [[False, True, True]]
    torch.testing.assert_close(found.logits, torch.tensor([[4.0, 4.4, -1.2]]))


def test_what_no_bit_moves_is_told():
    oracle = linear_oracle(torch.zeros(4, 3), torch.tensor([1.0, 0.0, -1.0]))
    units = Units(torch.ones(5, 4))
    found = minimal_sets(oracle, units)
    assert not found.turned.any()
    assert not found.changed.any()
    assert torch.equal(found.logits, torch.tensor([1.0, 0.0, -1.0]).expand(5, -1))


@pytest.mark.parametrize("goal", [None, torch.arange(12) % 3])
def test_each_unit_has_a_set_of_its_own(goal: Tensor | None):
    oracle, units = problem(3, classes=3)
    together = minimal_sets(oracle, units, goal)
    assert len(together.changed.unique(dim=0)) > 1
    for row in range(len(units)):
        rows = slice(row, row + 1)
        alone = minimal_sets(oracle, units[rows], None if goal is None else goal[rows])
        assert torch.equal(alone.changed, together.changed[rows])
        assert torch.equal(alone.turned, together.turned[rows])


def test_chunks_change_nothing():
    oracle, units = problem(4, classes=3)
    expected = minimal_sets(oracle, units)
    oracle.memory_ceiling = 1
    found = minimal_sets(oracle, units)
    assert torch.equal(found.changed, expected.changed)
    torch.testing.assert_close(found.logits, expected.logits)


def test_images_do_not_cost_a_question_each():
    oracle, units = problem(5, classes=3, bits=6, n=200)
    minimal_sets(oracle, units)
    # One before, one a bit that is added or tried to be taken back, one after.
    assert oracle.ledger.calls <= 2 * 6 + 2


def test_sets_are_the_same_where_concepts_may_follow_and_each_set_is_asked_alone():
    oracle, units = problem(6, classes=3, n=30)
    assert not oracle.propagates
    expected = minimal_sets(oracle, units)
    oracle.propagates = True
    found = minimal_sets(oracle, units)
    assert torch.equal(found.changed, expected.changed)
    torch.testing.assert_close(found.logits, expected.logits)


def test_sets_stay_within_the_concepts_and_the_size_that_are_allowed():
    oracle, units = problem(7, classes=2, bits=6, n=40)
    places = torch.tensor([1, 4, 5])
    some = minimal_sets(oracle, units, places=places, largest=2)
    assert some.changed.shape == (40, 3)
    assert some.turned.any() and (some.size <= 2).all()
    flipped = torch.zeros(40, 6, dtype=torch.bool)
    flipped[:, places] = some.changed
    before = classes_after(oracle, units, torch.zeros_like(flipped)[None])[0]
    after = classes_after(oracle, units, flipped[None])[0]
    assert torch.equal(after != before, some.turned)


def test_continuous_concepts_go_up_or_down_and_what_they_cause_follows():
    world = toy_world(0)
    units = world.space.encode(world.dataset.test.images)
    found = minimal_sets(world.oracle, units)
    scale = torch.tensor([concept.scale for concept in world.space.concepts])
    moved = (found.set_to - units.values) / scale
    assert found.turned.any()
    torch.testing.assert_close(moved[found.changed].abs(), torch.ones(int(found.size.sum())))
    assert not moved[~found.changed].any()
    assert {-1, 1} == set(moved[found.changed].round().int().tolist())
    for row in found.turned.nonzero()[:, 0].tolist():
        # The closed form: a set is done to the structural model, and the network reads the rest.
        members = found.changed[row].nonzero()[:, 0]
        done = Intervention.set(members[None], found.set_to[row, members][None])
        after = world.scm.counterfactual(units.values[row : row + 1], done)[0, 0]
        torch.testing.assert_close(found.logits[row], after @ world.reads, atol=2e-3, rtol=1e-3)
