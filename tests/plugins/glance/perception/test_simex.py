from __future__ import annotations

import numpy as np
import pytest

from causalxai_glance.perception import ReadingErrors, SimexScore


def test_errors_drawn_have_the_instruments_covariance_times_the_share() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([[0.5, 0.2], [0.2, 0.4]])
    residuals = rng.multivariate_normal([3, -1], truth, 4000)
    errors = ReadingErrors(rng.normal(size=(4000, 2)), residuals)
    choices = errors.choices(rng.normal(size=(4000, 2)))
    for share in (0.5, 1.0, 2.5):
        drawn = errors.draw(choices, share, rng)
        np.testing.assert_allclose(np.cov(drawn.T), share * truth, atol=0.06 * share)
        np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.06)


def test_errors_are_drawn_from_images_read_alike() -> None:
    """Where readings are high errors are tenfold."""
    rng = np.random.default_rng(0)
    readings = rng.uniform(0, 1, (3000, 1))
    residuals = np.where(readings > 0.5, 1.0, 0.1) * rng.normal(size=(3000, 1))
    errors = ReadingErrors(readings, residuals)
    values = np.repeat([[0.2], [0.8]], 2000, axis=0)
    drawn = errors.draw(errors.choices(values), 1.0, rng)
    assert drawn[:2000].std() < 0.2 < 0.7 < drawn[2000:].std()


def test_extrapolation_recovers_the_score_without_error() -> None:
    """Linear and Gaussian: the residual's variance without error is known."""
    rng = np.random.default_rng(1)
    n, error = 4000, 0.3
    a = rng.normal(size=n)
    truth = np.stack([a, a + 0.5 * rng.normal(size=n)], axis=1)
    residuals = error * rng.normal(size=(n, 2))
    errors = ReadingErrors(rng.normal(size=(n, 2)), residuals)
    seen = truth + error * rng.normal(size=(n, 2))

    def gain(score: SimexScore) -> float:
        """Half the log of how much smaller a parent makes the residual's variance."""
        return (score(1, frozenset()) - score(1, frozenset([0]))) / n

    plain = gain(SimexScore(seen, errors, rng=rng, shares=(), links=False))
    extrapolated = gain(SimexScore(seen, errors, rng=rng, links=False))
    exact = 0.5 * np.log(1.25 / 0.25)
    assert plain < exact - 0.15
    assert extrapolated == pytest.approx(exact, abs=0.1)


def test_the_generator_decides() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(300, 2))
    errors = ReadingErrors(values, 0.3 * rng.normal(size=(300, 2)))
    first, second, other = (
        SimexScore(values, errors, rng=np.random.default_rng(seed), draws=1)(1, frozenset([0]))
        for seed in (1, 1, 2)
    )
    assert first == second != other
