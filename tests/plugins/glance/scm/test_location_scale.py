from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from causalxai_glance.scm import MdlScore
from causalxai_glance.scm.score import edge_price

Values = np.ndarray


def pair(n: int, seed: int, steepness: float) -> tuple[Values, Values]:
    """Return a cause and an effect, and the log density of each effect given its cause."""
    rng = np.random.default_rng(seed)
    cause = rng.uniform(-2, 2, n)
    sd = 0.5 * np.exp(steepness * cause)
    effect = cause + sd * rng.normal(size=n)
    return np.stack([cause, effect], axis=1), stats.norm.logpdf(effect, cause, sd)


@pytest.mark.parametrize("seed", range(3))
def test_the_length_is_that_of_the_true_density_and_its_parameters(seed: int) -> None:
    n = 2000
    x, density = pair(n, seed, 0.6)
    unit = n * np.log(x[:, 1].std())
    # A slope of the mean, one of the log sd, mean and sd of the noise, and the edge.
    constants = 0.5 * 4 * np.log(n) + edge_price(2)
    expected = -density.sum() - unit + constants
    assert MdlScore(x).uneven(1, frozenset({0})) == pytest.approx(expected, abs=8)


@pytest.mark.parametrize("seed", range(3))
def test_even_noise_is_not_described_better(seed: int) -> None:
    score = MdlScore(pair(1000, seed, 0.0)[0])
    even = score(1, frozenset({0}))
    assert even - 1 < score.uneven(1, frozenset({0})) <= even


def test_without_causes_nothing_changes() -> None:
    score = MdlScore(pair(300, 0, 0.6)[0])
    assert score.uneven(1, frozenset()) == score(1, frozenset())


def test_boolean_effects_have_no_spread() -> None:
    x, _ = pair(300, 0, 0.6)
    score = MdlScore(np.stack([x[:, 0], x[:, 1] > 0], axis=1))
    assert score.uneven(1, frozenset({0})) == score(1, frozenset({0}))


def test_levels_and_clipped_values_gain_as_much_as_exact_ones() -> None:
    x, _ = pair(2000, 0, 0.6)
    gains = []
    for effect in (x[:, 1], np.round(x[:, 1] * 4) / 4, np.maximum(x[:, 1], -2.5)):
        score = MdlScore(np.stack([x[:, 0], effect], axis=1), links=False)
        gains.append(score(1, frozenset({0})) - score.uneven(1, frozenset({0})))
    assert min(gains) > 200
    np.testing.assert_allclose(gains[1:], gains[0], rtol=0.25)


def test_an_effect_without_noise_keeps_its_length() -> None:
    cause = np.linspace(-2, 2, 200)
    score = MdlScore(np.stack([cause, 2 * cause + 1], axis=1))
    assert score.uneven(1, frozenset({0})) == score(1, frozenset({0}))
