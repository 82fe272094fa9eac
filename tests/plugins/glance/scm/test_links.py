from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai_glance.scm.links import Link, LinkGrid

LINKS = [
    Link(),
    Link("log-above", low=-1.5),
    Link("log-below", high=4.0),
    Link("logit", low=-1.5, high=4.0),
]
KINDS = [link.kind for link in LINKS]


@pytest.mark.parametrize("link", LINKS, ids=KINDS)
def test_log_jacobians_are_the_log_of_the_slope(link):
    x = np.linspace(-1.2, 3.7, 41)
    step = 1e-5
    slope = (link.forward(x + step) - link.forward(x - step)) / (2 * step)
    np.testing.assert_allclose(link.log_jacobian(x), np.log(slope), atol=1e-7)


@pytest.mark.parametrize("link", LINKS, ids=KINDS)
def test_inverse_undoes_forward(link):
    x = np.linspace(-1.499, 3.999, 101)
    np.testing.assert_allclose(link.inverse(link.forward(x)), x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("link", LINKS, ids=KINDS)
def test_inverses_stay_finite_and_within_the_bounds(link):
    x = link.inverse(np.array([-1e6, -800.0, 0.0, 800.0, 1e6]))
    assert np.isfinite(x).all() and (np.diff(x) >= 0).all()
    assert link.low is None or (x >= link.low).all()
    assert link.high is None or (x <= link.high).all()


def test_links_say_what_they_are():
    x = np.array([0.25, 0.5])
    np.testing.assert_allclose(Link("log-above", low=0.0).forward(x), np.log(x))
    np.testing.assert_allclose(Link("log-below", high=1.0).forward(x), -np.log(1 - x))
    np.testing.assert_allclose(Link("logit", 0.0, 1.0).forward(x), np.log(x / (1 - x)))
    assert [link.parameters for link in LINKS] == [0, 1, 1, 2]


def test_values_beyond_a_bound_are_taken_just_inside():
    link = Link("logit", 0.0, 1.0, guard=0.01)
    beyond = link.forward([-5.0, 0.0, 1.0, 7.0])
    np.testing.assert_allclose(beyond, link.forward([0.01, 0.01, 0.99, 0.99]))
    assert np.isfinite(Link("log-above", low=0.0).forward([-1.0, 0.0])).all()


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("identity", 0.0, None), ("logit", 0.0, None), ("log-above", None, 1.0), ("logit", 1.0, 1.0)],
)
def test_bounds_that_do_not_fit_the_kind_are_refused(kind, low, high):
    with pytest.raises(ValueError, match=r"bounds|below"):
        Link(kind, low, high)


@pytest.mark.parametrize("link", LINKS, ids=KINDS)
@given(location=st.floats(-100, 100), scale=st.floats(0.01, 100))
def test_rescaled_links_map_rescaled_values_alike(link, location, scale):
    x = np.linspace(-1.0, 3.5, 7)
    moved = link.rescaled(location, scale).forward(location + scale * x)
    np.testing.assert_allclose(
        np.diff(moved, n=2), unit(link, scale) * np.diff(link.forward(x), n=2), atol=1e-6
    )


def unit(link: Link, scale: float) -> float:
    return scale if link.kind == "identity" else 1.0


def test_candidates_keep_their_bounds_outside_the_data():
    x = np.random.default_rng(0).gamma(2.0, size=300)
    candidates = LinkGrid.around(x).links
    assert candidates[0] == Link()
    assert {link.kind for link in candidates} == set(KINDS)
    assert all(link.low is None or link.low + link.guard < x.min() for link in candidates)
    assert all(link.high is None or link.high - link.guard > x.max() for link in candidates)


def test_the_grid_agrees_with_its_links():
    x = np.random.default_rng(0).gamma(2.0, size=200)
    grid = LinkGrid.around(x, steps=(0.01, 0.3))
    assert len(grid.links) == 1 + 2 + 2 + 4
    mapped = grid.pieces @ grid.sums.T
    for link, column, jacobian in zip(grid.links, mapped.T, grid.log_jacobians, strict=True):
        np.testing.assert_allclose(column, link.forward(x))
        np.testing.assert_allclose(jacobian, link.log_jacobian(x).sum())
    np.testing.assert_allclose(grid.squares(grid.pieces.T @ grid.pieces), (mapped**2).sum(axis=0))


@pytest.mark.parametrize("link", LINKS, ids=KINDS)
def test_links_survive_json(link):
    assert Link.from_json(link.to_json()) == link
