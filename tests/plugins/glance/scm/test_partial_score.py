from __future__ import annotations

import numpy as np
import pytest

from causalxai_glance.scm import MdlScore, PartialScore, SearchProblem, exact_search


def sample(n: int = 200) -> np.ndarray:
    """Return 0 → 3, and two columns that say nothing: one constant, one of two odd values."""
    rng = np.random.default_rng(0)
    cause = rng.gamma(2.0, size=n)
    odd = np.where(np.arange(n) < 3, 7.0, 4.0)
    return np.c_[cause, np.ones(n), odd, np.tanh(cause - 2) + 0.2 * rng.normal(size=n)]


def test_columns_that_say_nothing_have_no_edge():
    score = PartialScore(sample())
    assert exact_search(SearchProblem(4, score, forbidden=score.forbidden)) == {(0, 3)}
    assert (0, 1) in score.forbidden and (2, 1) in score.forbidden
    assert score.forbidden.isdisjoint({(0, 3), (3, 0)})


def test_columns_that_say_something_are_scored_as_alone():
    x = sample()
    score, alone = PartialScore(x), MdlScore(x[:, [0, 3]])
    assert score(3, frozenset({0})) == alone(1, frozenset({0}))
    assert score(3, frozenset({0, 1, 2})) == alone(1, frozenset({0}))
    assert score(1, frozenset({0})) == 0


@pytest.mark.parametrize("links", [True, False])
def test_where_all_vary_it_is_the_whole_score(links):
    x = sample()[:, [0, 3]]
    score, whole = PartialScore(x, links=links), MdlScore(x, links=links)
    assert not score.forbidden
    for child, parents in ((0, set()), (1, {0}), (0, {1})):
        assert score(child, frozenset(parents)) == whole(child, frozenset(parents))


def test_where_none_varies_there_is_nothing_to_find():
    score = PartialScore(np.ones((50, 3)))
    assert exact_search(SearchProblem(3, score, forbidden=score.forbidden)) == frozenset()
    assert exact_search(SearchProblem(3, score, required=frozenset({(0, 2)}))) == {(0, 2)}


def test_columns_that_are_left_out_are_not_scored():
    x = sample()
    score = PartialScore(x, among=[3, 1])
    assert score(3, frozenset({0})) == MdlScore(x[:, [3]])(0, frozenset())
    assert (0, 3) in score.forbidden and (3, 0) in score.forbidden


def test_screens_and_ranks_are_those_of_the_columns_that_vary():
    x = sample()
    score, alone = PartialScore(x), MdlScore(x[:, [0, 3]])
    assert score.screen(3, frozenset({0, 1})) == alone.screen(1, frozenset({0}))
    assert score.screen(1, frozenset({0})) == 0
    assert score.ranked(3, frozenset({2})) == [0]
    assert score.ranked(1, frozenset()) == []
    score.prepare([(3, frozenset({0})), (3, frozenset({0, 1}))])
    assert score(3, frozenset({0, 1})) == alone(1, frozenset({0}))
