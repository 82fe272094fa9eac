from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from causalxai_glance.scm import MdlScore, SearchProblem
from causalxai_glance.scm.best_parents import BestParents
from causalxai_glance.scm.lockstep import solve

NONE = frozenset[int]()


def sums(n: int = 400) -> np.ndarray:
    """Return columns of which the last is a sum of the first two."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(n, 4))
    x[:, 3] = np.arctan(3 * x[:, 0]) + x[:, 1] + 0.2 * rng.uniform(-1, 1, n)
    return x


def gain(child: int, parents: frozenset[int]) -> float:
    """Score parents 1 and 2 together as useful, and each further one as useless."""
    return len(parents - {1, 2}) - 2.0 * len(parents & {1, 2})


def test_parents_are_grown_among_those_that_are_allowed() -> None:
    best = BestParents(SearchProblem(4, gain))
    assert best((0, frozenset({1, 2, 3}), NONE)) == (-4.0, {1, 2})
    assert best((0, frozenset({2, 3}), NONE)) == (-2.0, {2})
    assert best((0, frozenset({1, 3}), frozenset({3}))) == (-1.0, {1, 3})


def test_no_more_parents_are_grown_than_there_may_be() -> None:
    best = BestParents(SearchProblem(4, gain, max_parents=1))
    assert best((0, frozenset({1, 2, 3}), NONE)) == (-2.0, {1})


def test_parents_that_another_score_finds_useless_are_left_out() -> None:
    best = BestParents(SearchProblem(4, gain), lambda child, parents: 7.0 + len(parents - {1}))
    assert best((0, frozenset({1, 2, 3}), NONE)) == (7.0, {1})
    assert best((0, frozenset({1, 2, 3}), frozenset({2}))) == (8.0, {1, 2})


def test_questions_that_are_answered_together_have_the_same_answers() -> None:
    x = sums()
    questions = [
        (child, frozenset(allowed), NONE)
        for child in range(4)
        for allowed in combinations(sorted(set(range(4)) - {child}), 2)
    ]
    together = BestParents(SearchProblem(4, MdlScore(x)))
    solve(together.found(questions))
    alone = BestParents(SearchProblem(4, MdlScore(x)))
    for question in questions:
        score, parents = together(question)
        assert parents == alone(question)[1]
        assert score == pytest.approx(alone(question)[0], abs=1e-6)


def test_neighbours_describe_a_node_or_are_described_by_it() -> None:
    near = BestParents(SearchProblem(4, MdlScore(sums()))).neighbours()
    assert near[3] >= {0, 1} and 3 in near[0] and 3 in near[1]
    assert BestParents(SearchProblem(3, gain)).neighbours() == [{0, 1, 2}] * 3
