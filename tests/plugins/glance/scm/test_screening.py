from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalxai_glance.scm import MdlScore, SearchProblem, margin
from causalxai_glance.scm.basis import KNOTS, Basis
from causalxai_glance.scm.design import Child, Design
from causalxai_glance.scm.links import LinkGrid
from causalxai_glance.scm.score import edge_price
from causalxai_glance.scm.screening import joint_lengths
from causalxai_glance.scm.search import Family

Values = np.ndarray


def table(n: int, seed: int) -> Values:
    """Draw 3 → 0, 3 → 1, 0 → 2 and 1 → 2, all bent."""
    rng = np.random.default_rng(seed)
    root = rng.gamma(2.0, size=n)
    left = np.tanh(root - 2) + 0.3 * rng.normal(size=n)
    right = np.log(root + 0.5) + 0.3 * rng.uniform(-1, 1, size=n)
    sink = left**2 + right + 0.3 * rng.laplace(size=n)
    return np.stack([left, right, sink, root], axis=1)


def shortest(x: Values, child: int, parents: tuple[int, ...]) -> float:
    """Return the length of the best link and bases under normal noise, by regressions of each."""
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    n, d = z.shape
    grid = LinkGrid.around(z[:, child])
    bases = [[Basis.spline(z[:, p], knots) for knots in KNOTS] for p in parents]
    found = []
    for chosen in product(*([b for b in some if b is not None] for some in bases)):
        blocks = [basis.columns(z[:, p]) for basis, p in zip(chosen, parents, strict=True)]
        design = np.column_stack([np.ones(n), *blocks])
        for link in grid.links:
            mapped = link.forward(z[:, child])
            left = mapped - design @ np.linalg.lstsq(design, mapped, rcond=None)[0]
            constants = design.shape[1] + 1 + link.parameters
            length = 0.5 * n * np.log(2 * np.pi * np.e * left.var()) + 0.5 * constants * np.log(n)
            found.append(length - link.log_jacobian(z[:, child]).sum())
    return min(found) + edge_price(d) * len(parents)


@pytest.mark.parametrize(("child", "parents"), [(0, ()), (0, (3,)), (2, (1,))])
def test_up_to_one_parent_the_screen_is_the_best_regression(
    child: int, parents: tuple[int, ...]
) -> None:
    x = table(100, 0)
    screened = MdlScore(x).screen(child, frozenset(parents))
    assert screened == pytest.approx(shortest(x, child, parents), abs=1e-4)


@pytest.mark.parametrize("parents", [(3,), (0, 1)])
def test_of_all_choices_of_bases_the_best_is_the_best_regression(parents: tuple[int, ...]) -> None:
    x = table(100, 0)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    design = Design.of(z)
    choices, lengths = joint_lengths(Child(z[:, 2], design, True), design, parents)
    assert choices == [*product(*(range(len(design.bases[parent])) for parent in parents))]
    best = shortest(x, 2, parents) - edge_price(4) * len(parents)
    assert lengths.min() == pytest.approx(best, abs=1e-4)


def test_with_more_parents_the_screen_is_at_most_a_few_nats_longer() -> None:
    x = table(100, 1)
    screened = MdlScore(x).screen(2, frozenset({0, 1}))
    exact = shortest(x, 2, (0, 1))
    assert exact - 1e-4 <= screened <= exact + 5


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(4)), seed=st.integers(0, 20))
def test_the_order_of_columns_and_rows_does_not_matter(order: list[int], seed: int) -> None:
    x = table(200, seed)
    rows = np.random.default_rng(seed).permutation(200)
    plain, shuffled = MdlScore(x), MdlScore(x[rows][:, order])
    for child, parents in ((2, {0, 1, 3}), (0, {3})):
        moved = frozenset(order.index(parent) for parent in parents)
        assert shuffled.screen(order.index(child), moved) == pytest.approx(
            plain.screen(child, frozenset(parents)), abs=1e-3
        )


def test_the_most_promising_parents_come_first() -> None:
    score = MdlScore(table(1000, 0))
    ranked = score.ranked(2, frozenset({1}))
    assert ranked[0] == 0
    assert not {1, 2} & set(ranked)
    assert score.ranked(2, frozenset({0, 1, 3})) == []


def test_parents_are_ranked_by_what_they_add_to_a_regression() -> None:
    """Columns that copy a parent add nothing to it, however well they explain the child alone."""
    rng = np.random.default_rng(0)
    first, second, third = rng.uniform(-1, 1, size=(3, 1000))
    copy = first + 0.05 * rng.normal(size=1000)
    child = 3 * first + 2 * second + third + 0.1 * rng.normal(size=1000)
    score = MdlScore(np.stack([child, first, copy, second, third], axis=1), links=False)
    assert score.ranked(0, frozenset())[0] in (1, 2)
    assert score.ranked(0, frozenset({1})) == [3, 4]
    assert score.ranked(0, frozenset({1, 3})) == [4]


@pytest.mark.parametrize("seed", range(3))
def test_parent_sets_that_are_not_scored_would_change_nothing(seed: int) -> None:
    score = MdlScore(table(400, seed))
    screened = margin(SearchProblem(4, score))
    everything = margin(SearchProblem(4, lambda child, parents: score(child, parents)))
    assert screened.keys() == everything.keys()
    for pair, worth in everything.items():
        assert screened[pair].absent == pytest.approx(worth.absent, abs=1e-6)
        assert screened[pair].reversed == pytest.approx(worth.reversed, abs=1e-6)


def test_useless_parents_are_not_scored() -> None:
    scored = set()
    score = MdlScore(np.random.default_rng(0).normal(size=(500, 5)))
    prepare = score.prepare

    def watched(families: list[Family]) -> None:
        scored.update(families)
        prepare(families)

    score.prepare = watched  # type: ignore[method-assign]
    assert margin(SearchProblem(5, score)) == {}
    families = [(j, own) for j in range(5) for k in range(5) for own in combinations(range(5), k)]
    assert 5 <= len(scored) < len(families) / 4
