from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalxai.errors import DataError
from causalxai_glance.scm import MdlScore, SearchProblem, exact_search, margin, total
from causalxai_glance.scm.design import Design
from causalxai_glance.scm.links import Link

NONE: frozenset[int] = frozenset()


def chain(n: int, seed: int = 0) -> np.ndarray:
    """Return columns 2 → 0 → 1 of a bent, additive model."""
    rng = np.random.default_rng(seed)
    cause = rng.gamma(3.0, size=n)
    middle = np.tanh(cause - 3) + 0.2 * rng.normal(size=n)
    effect = 2 * middle + 0.5 * rng.uniform(-1, 1, size=n)
    return np.stack([middle, effect, cause], axis=1)


def test_a_gaussian_root_has_the_closed_form():
    x = np.random.default_rng(0).normal(5.0, 3.0, size=(400, 1))
    score = MdlScore(x, links=False)(0, NONE)
    # On standardised columns: n/2 log(2 pi e) for the values, ½ log n each for mean and variance.
    assert score == pytest.approx(200 * np.log(2 * np.pi * np.e) + np.log(400))


def test_a_linear_gaussian_child_has_the_closed_form():
    rng = np.random.default_rng(1)
    cause = rng.normal(size=600)
    x = np.stack([cause, 1.5 * cause + rng.normal(size=600)], axis=1)
    rest = 1 - np.corrcoef(x.T)[0, 1] ** 2
    # The last term names the edge, one of two possible ones.
    expected = 300 * np.log(2 * np.pi * np.e * rest) + 1.5 * np.log(600) + np.log(2)
    assert MdlScore(x, links=False)(1, frozenset({0})) == pytest.approx(expected)


def test_the_score_is_the_length_of_the_equation_it_returns():
    """Recomputed from the equation alone, in the child's own units."""
    x = chain(700)
    x[:, 1] = 1 / (1 + np.exp(-x[:, 1]))
    score = MdlScore(x)
    for child, parents in ((0, NONE), (0, {2}), (1, {0}), (1, {0, 2}), (2, {0, 1})):
        found = score.equation(child, frozenset(parents))
        noise = found.abduct(x)
        length = 0.5 * found.parameters * np.log(700)
        length -= found.noise.log_density(noise).sum()
        length -= found.link.log_jacobian(x[:, child]).sum()
        standardised = length - 700 * np.log(x[:, child].std())
        assert found.score == pytest.approx(standardised, abs=1e-3)
        assert noise.mean() == pytest.approx(0.0, abs=1e-8)


def test_coefficients_are_recovered():
    rng = np.random.default_rng(2)
    causes = rng.uniform(-1, 1, size=(4_000, 2))
    effect = 7 + 3 * causes[:, 0] - 2 * causes[:, 1] + 0.5 * rng.normal(size=4_000)
    found = MdlScore(np.c_[causes, effect]).equation(2, frozenset({0, 1}))
    assert found.link == Link() and [basis.size for basis in found.bases] == [1, 1]
    assert found.noise.components == 1
    slopes = [w[0] / basis.scale for basis, w in zip(found.bases, found.coefficients, strict=True)]
    np.testing.assert_allclose(slopes, [3.0, -2.0], atol=0.05)
    assert found.linear([0.0, 0.0]) == pytest.approx(7.0, abs=0.05)
    assert found.noise.sds[0] == pytest.approx(0.5, abs=0.02)


def test_a_link_is_recovered():
    rng = np.random.default_rng(3)
    cause = rng.normal(size=4_000)
    inner = 1.5 * cause + 0.5 * rng.normal(size=4_000)
    x = np.stack([cause, 20 + 60 / (1 + np.exp(-inner))], axis=1)
    found = MdlScore(x).equation(1, frozenset({0}))
    assert found.link.kind == "logit"
    assert found.link.low == pytest.approx(20, abs=1.0)
    assert found.link.high == pytest.approx(80, abs=1.0)
    assert found.coefficients[0][0] / found.bases[0].scale == pytest.approx(1.5, abs=0.1)
    assert MdlScore(x, links=False)(1, frozenset({0})) > found.score + 100


def test_scores_that_are_prepared_together_are_the_same():
    x = chain(300)
    x[:, 1] = 1 / (1 + np.exp(-x[:, 1]))
    sets = [frozenset(own) for own in ((), (0,), (2,), (0, 2))]
    alone, together = MdlScore(x), MdlScore(x)
    together.prepare([(1, own) for own in sets])
    for own in sets:
        assert together(1, own) == pytest.approx(alone(1, own), abs=1e-6)


def test_directions_of_a_toy_are_recovered():
    assert exact_search(SearchProblem(3, MdlScore(chain(2_000)))) == {(2, 0), (0, 1)}


@pytest.mark.parametrize("seed", range(3))
def test_a_steep_curve_keeps_its_direction(seed):
    """A tangent: ten knots describe its inverse, an arc, better than itself."""
    rng = np.random.default_rng(seed)
    cause = rng.uniform(-2, 2, 2_000)
    effect = np.tan(0.75 * cause) + 0.2 * rng.normal(size=2_000)
    assert exact_search(SearchProblem(2, MdlScore(np.c_[effect, cause]))) == {(1, 0)}


def test_independent_columns_are_joined_by_chance_alone():
    """A needless slope gains more than its price with probability P(chi2 > log n), .9 %."""
    joined = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = np.stack([rng.gamma(2, size=1_000), rng.uniform(size=1_000), rng.laplace(size=1_000)])
        joined.extend(margin(SearchProblem(3, MdlScore(x.T))).values())
    assert len(joined) <= 3
    assert all(edge.absent < 5 for edge in joined)


def test_splines_enter_with_twenty_rows_for_each_function():
    sizes = {}
    for n in (39, 40, 99, 100, 179, 180, 279, 280):
        bases = Design.of(np.random.default_rng(n).normal(size=(n, 1))).bases[0]
        sizes[n] = [basis.size for basis in bases]
    assert [*sizes.values()] == [
        [1], [1, 2], [1, 2], [1, 2, 5], [1, 2, 5], [1, 2, 5, 9], [1, 2, 5, 9], [1, 2, 5, 9, 14],
    ]  # fmt: skip


def test_few_rows_join_few_independent_pairs():
    """With all splines 50 rows joined every fourth pair."""
    rngs = map(np.random.default_rng, range(8))
    joined = sum(
        len(exact_search(SearchProblem(4, MdlScore(rng.normal(size=(50, 4)))))) for rng in rngs
    )
    assert joined / (8 * 6) < 0.13


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(1e-4, 1e4),
    shift=st.floats(-1e4, 1e4),
    sign=st.sampled_from([-1.0, 1.0]),
    seed=st.integers(0, 20),
)
def test_units_do_not_matter(scale, shift, sign, seed):
    x = chain(150, seed)
    moved = x.copy()
    moved[:, 0] = sign * scale * x[:, 0] + shift * scale
    plain, other = MdlScore(x), MdlScore(moved)
    for child, parents in ((0, NONE), (0, frozenset({2})), (1, frozenset({0}))):
        assert other(child, parents) == pytest.approx(plain(child, parents), abs=0.02)


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(3)), seed=st.integers(0, 20))
def test_the_order_of_columns_does_not_matter(order, seed):
    x = chain(150, seed)
    plain, shuffled = MdlScore(x), MdlScore(x[:, order])
    for child, parents in ((0, {1, 2}), (1, {0}), (2, NONE)):
        moved = frozenset(order.index(parent) for parent in parents)
        assert shuffled(order.index(child), moved) == pytest.approx(
            plain(child, frozenset(parents)), abs=1e-3
        )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1_000))
def test_the_order_of_rows_does_not_matter(seed):
    x = chain(150)
    rows = np.random.default_rng(seed).permutation(150)
    for child, parents in ((0, frozenset({2})), (1, NONE)):
        assert MdlScore(x[rows])(child, parents) == pytest.approx(
            MdlScore(x)(child, parents), abs=1e-3
        )


@pytest.mark.parametrize("clip", ["cause", "effect"])
def test_clipped_columns_keep_their_direction(clip):
    rng = np.random.default_rng(5)
    cause = rng.gamma(3.0, size=2_000)
    effect = np.tanh(cause - 3) + 0.3 * rng.normal(size=2_000)
    x = np.stack([effect, cause], axis=1)
    column = 1 if clip == "cause" else 0
    x[:, column] = np.maximum(x[:, column], np.quantile(x[:, column], 0.03))
    assert exact_search(SearchProblem(2, MdlScore(x))) == {(1, 0)}


def test_repeated_columns_cost_no_infinity():
    x = chain(200)
    x = np.c_[x, x[:, 0], -2 * x[:, 0]]
    score = MdlScore(x)
    scores = [score(3, NONE), score(3, frozenset({0})), score(3, frozenset({0, 1, 2, 4}))]
    assert np.isfinite(scores).all()
    assert scores[1] < scores[0] - 200
    graph = exact_search(SearchProblem(5, score, max_parents=2))
    assert np.isfinite(total(graph, score, 5))


@pytest.mark.parametrize("levels", [2, 3, 5, 40])
def test_few_levels_are_taken(levels):
    x = chain(300)
    span = np.ptp(x[:, 0])
    x[:, 0] = np.round((x[:, 0] - x[:, 0].min()) / span * (levels - 1))
    score = MdlScore(x)
    assert np.isfinite([score(0, frozenset({2})), score(2, frozenset({0})), score(0, NONE)]).all()
    assert score(0, frozenset({2})) < score(0, NONE)


def test_many_parents_are_taken():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(300, 6))
    x[:, 5] = np.tanh(2 * x[:, 0]) + x[:, 3] + 0.2 * rng.normal(size=300)
    score = MdlScore(x)
    assert score(5, frozenset(range(5))) < score(5, frozenset({0}))
    assert score(5, frozenset({0, 3})) < score(5, frozenset(range(5)))
    found = score.equation(5, frozenset(range(5)))
    assert [basis.size for basis in found.bases][1:] == [1, 1, 1, 1]
    assert found.bases[0].size > 1


@pytest.mark.parametrize(("child", "parents"), [(0, {0}), (3, set()), (0, {5})])
def test_parents_that_are_none_are_refused(child, parents):
    with pytest.raises(DataError, match="not parents among"):
        MdlScore(chain(100))(child, frozenset(parents))


def test_children_that_are_prepared_together_are_fitted_as_alone():
    """One of them is clipped, so that its noise is fitted on its own."""
    x = chain(300)
    x[:, 1] = np.maximum(x[:, 1], np.quantile(x[:, 1], 0.1))
    families = [(child, frozenset({0, 1, 2} - {child})) for child in range(3)] + [(2, NONE)]
    together = MdlScore(x)
    together.prepare_uneven(families)
    for family in families:
        assert together(*family) == pytest.approx(MdlScore(x)(*family), abs=1e-6)
        assert together.uneven(*family) == pytest.approx(MdlScore(x).uneven(*family), abs=1e-6)
