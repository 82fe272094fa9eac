from __future__ import annotations

from collections.abc import Sequence

from causalxai_glance.scm.lockstep import KnownScore, Steps, jointly, solve
from causalxai_glance.scm.search import Family

NONE = frozenset[int]()


class Watched:
    """A score that notes what it is asked to prepare and to compute."""

    def __init__(self) -> None:
        self.prepared: list[list[Family]] = []
        self.computed: list[Family] = []

    def __call__(self, child: int, parents: frozenset[int]) -> float:
        self.computed.append((child, parents))
        return 10.0 * child + len(parents)

    def prepare(self, families: Sequence[Family]) -> None:
        self.prepared.append([*families])


def chain(score: KnownScore, child: int, length: int) -> Steps[float]:
    """Ask for one set of parents after the other; return the sum of their scores."""
    total = 0.0
    for size in range(length):
        parents = frozenset(range(100, 100 + size))
        yield from score.needed(child, [parents])
        total += score(child, parents)
    return total


def test_what_searches_need_next_is_prepared_at_once() -> None:
    watched = Watched()
    score = KnownScore(watched)
    found = solve(jointly([chain(score, 1, 3), chain(score, 2, 1), chain(score, 3, 2)]))
    assert found == [33.0, 20.0, 61.0]
    sizes = [[(child, len(parents)) for child, parents in asked] for asked in watched.prepared]
    assert sizes == [[(1, 0), (2, 0), (3, 0)], [(1, 1), (3, 1)], [(1, 2)]]


def test_scores_are_asked_for_and_computed_once() -> None:
    watched = Watched()
    score = KnownScore(watched)
    both = solve(jointly([chain(score, 1, 2), chain(score, 1, 2)]))
    assert both == [21.0, 21.0]
    assert len(watched.computed) == len(set(watched.computed)) == 2
    assert [len(asked) for asked in watched.prepared] == [1, 1]
    assert [*score.needed(1, [NONE])] == []


def test_scores_are_prepared_each_on_its_own() -> None:
    first, second = Watched(), Watched()
    searches = [chain(KnownScore(first), 1, 1), chain(KnownScore(second), 2, 1)]
    assert solve(jointly(searches)) == [10.0, 20.0]
    assert first.prepared == [[(1, NONE)]]
    assert second.prepared == [[(2, NONE)]]


def test_scores_that_are_functions_need_no_preparation() -> None:
    score = KnownScore(lambda child, parents: float(child))
    assert solve(jointly([chain(score, 1, 2), chain(score, 5, 1)])) == [2.0, 5.0]


def test_nothing_is_found_by_no_search() -> None:
    nothing: list[Steps[float]] = []
    assert solve(jointly(nothing)) == []
