from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from causalxai_glance.perception import (
    Constraints,
    DirectionConfig,
    Directions,
    MeasurementModel,
    Perception,
    find_edges,
    frequencies,
)
from causalxai_glance.perception.directions import share_given
from causalxai_glance.scm import Pair

MakePerception = Callable[..., Perception]


def pair(n: int = 1500) -> NDArray[np.float64]:
    rng = np.random.default_rng(3)
    cause = rng.uniform(-2, 2, n)
    return np.stack([cause, 2 * np.tanh(1.5 * cause) + 0.4 * rng.normal(size=n)], axis=1)


def chain(n: int = 900) -> NDArray[np.float64]:
    """a → b → c."""
    rng = np.random.default_rng(3)
    two = pair(n)
    third = two[:, 1] + 0.3 * two[:, 1] ** 2 + 0.6 * rng.normal(size=n)
    return np.column_stack([two, third])


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_direction_is_found_whatever_the_columns_order(
    make_perception: MakePerception, order: list[int]
) -> None:
    found = find_edges(make_perception(pair()[:, order], 0.05), rng=np.random.default_rng(0))
    assert found == {(order.index(0), order.index(1))}


def test_independent_readings_hold_no_edge(make_perception: MakePerception) -> None:
    perception = make_perception(pair(), 0.05)
    assert find_edges(perception.control(), rng=np.random.default_rng(0)) == frozenset()


def test_errors_in_readings_do_not_make_an_effect_of_an_effect(
    make_perception: MakePerception,
) -> None:
    """Read with error, b does not screen a off from c."""
    values = chain()
    perception = make_perception(values, 0.15)
    seen = perception.values
    direct = share_given(seen[:, 2], seen[:, :2]) - share_given(seen[:, 2], seen[:, [1]])
    assert direct > 0.003  # what a plain search takes for an edge
    config = DirectionConfig(draws=15)
    found = find_edges(perception, rng=np.random.default_rng(0), config=config)
    assert (0, 2) not in found
    assert {frozenset(edge) for edge in found} == {frozenset((0, 1)), frozenset((1, 2))}


def test_concepts_that_are_badly_read_get_no_edge(make_perception: MakePerception) -> None:
    perception = make_perception(pair(), 0.5)
    assert perception.measurement_model.r2.max() < 0.9
    assert find_edges(perception, rng=np.random.default_rng(0)) == frozenset()
    lenient = DirectionConfig(least_r2=0.5, most_cross_talk=1)
    assert find_edges(perception, rng=np.random.default_rng(0), config=lenient)


def test_constraints_hold_even_for_what_is_not_read(make_perception: MakePerception) -> None:
    perception = make_perception(pair(), 0.05)
    back = Constraints(forbidden=frozenset([(0, 1)]))
    assert (0, 1) not in find_edges(perception, rng=np.random.default_rng(0), constraints=back)
    must = Constraints(required=frozenset([(1, 0)]))
    assert find_edges(perception, rng=np.random.default_rng(0), constraints=must) == {(1, 0)}
    unread = make_perception(pair(), 0.5)
    assert find_edges(unread, rng=np.random.default_rng(0), constraints=must) == {(1, 0)}


def oriented_edges(
    perception: Perception, draws: int = 15, constraints: Constraints | None = None
) -> tuple[frozenset[Pair], frozenset[Pair]]:
    """Return the edges found, and those whose direction is told."""
    rng, config = np.random.default_rng(0), DirectionConfig(draws=draws)
    held = Directions(perception, rng=rng, config=config, constraints=constraints)
    edges = held.edges()
    return edges, held.oriented(edges)


def test_clear_directions_are_told(make_perception: MakePerception) -> None:
    assert oriented_edges(make_perception(pair(), 0.05)) == ({(0, 1)}, {(0, 1)})
    assert oriented_edges(make_perception(chain(500), 0.1), draws=10) == ({(0, 1), (1, 2)},) * 2


@pytest.mark.parametrize(("concepts", "seed"), [(2, 0), (2, 1), (3, 0)])
def test_a_line_with_gaussian_noise_has_no_direction(
    make_perception: MakePerception, concepts: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.normal(size=(600, concepts)) * [1, 0.7, 0.7][:concepts], axis=1)
    edges, clear = oriented_edges(make_perception(values, 0.1), draws=10)
    assert len(edges) == concepts - 1 and not clear


@pytest.mark.parametrize("seed", range(3))
def test_a_badly_read_cause_is_not_taken_for_an_effect(seed: int) -> None:
    """Its reading's error, even of a tenth of its variance, looks like an effect's noise."""
    rng = np.random.default_rng(seed)
    cause = rng.uniform(-2, 2, 2000)
    values = np.stack([cause, np.tanh(1.2 * cause) + 0.15 * rng.normal(size=2000)], axis=1)
    scale = np.array([0.3, 0.02]) * values.std(axis=0)
    truth = rng.permuted(values, axis=0)
    readings = truth + scale * rng.normal(size=values.shape)
    measurement_model = MeasurementModel.fit(truth, readings)
    seen = measurement_model.unmix(values + scale * rng.normal(size=values.shape))
    nothing = np.zeros(2)
    known = measurement_model.unmix(readings)
    edges, clear = oriented_edges(
        Perception(("a", "b"), seen, known, measurement_model, nothing, nothing), draws=40
    )
    assert edges == {(1, 0)} and not clear


def test_what_is_known_needs_no_telling(make_perception: MakePerception) -> None:
    rng = np.random.default_rng(0)
    cause = rng.normal(size=600)
    perception = make_perception(np.c_[cause, cause + 0.7 * rng.normal(size=600)], 0.1)
    (edge,), clear = oriented_edges(perception)
    assert not clear
    forbidden = Constraints(forbidden=frozenset([edge[::-1]]))
    assert oriented_edges(perception, constraints=forbidden)[1] == {edge}
    required = Constraints(required=frozenset([edge]))
    assert oriented_edges(perception, constraints=required)[1] == {edge}


def test_joined_pairs_are_barred_both_ways_unless_required() -> None:
    known = Constraints(frozenset([(2, 0)]), frozenset([(0, 2)]))
    barred = known.without(frozenset([(0, 1), (0, 2)]))
    assert barred.required == {(2, 0)}
    assert barred.forbidden == {(0, 2), (0, 1), (1, 0)}


def test_frequency_is_a_share_of_halves(make_perception: MakePerception) -> None:
    perception = make_perception(pair(), 0.05)
    shares = frequencies(perception, frozenset(), rng=np.random.default_rng(0), resamples=5)
    assert shares[0, 1] >= 0.8
    assert all(0 < share <= 1 for share in shares.values())
    nothing = frequencies(perception, frozenset(), rng=np.random.default_rng(0), resamples=0)
    assert nothing == {}


def test_share_given_agrees_with_its_closed_form() -> None:
    rng = np.random.default_rng(0)
    a, b, noise = rng.normal(size=(3, 50_000))
    own = a**2 + b + noise
    assert share_given(own, np.column_stack([a, b])) == pytest.approx(0.75, abs=0.01)
    assert share_given(own, np.column_stack([b])) == pytest.approx(0.25, abs=0.01)
    assert share_given(own, np.empty((50_000, 0))) == 0
