from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from causalxai_glance.perception import (
    Constraints,
    DirectionConfig,
    Perception,
    find_edges,
    frequencies,
)
from causalxai_glance.perception.directions import share_given

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
    assert perception.instrument.r2.max() < 0.9
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
