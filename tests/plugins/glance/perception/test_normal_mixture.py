from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from causalxai_glance.perception.normal_mixture import NormalMixture, log_sum

MIXTURE = NormalMixture(np.array([0.3, 0.7]), np.array([-1.0, 2.0]), np.array([0.5, 1.5]))


def test_the_density_and_the_shares_are_those_of_the_components() -> None:
    values = np.linspace(-3, 5, 9)
    parts = stats.norm(MIXTURE.mean[:, None], MIXTURE.sd[:, None]).pdf(values)
    parts *= MIXTURE.share[:, None]
    density, shares = MIXTURE.apportion(torch.from_numpy(values).float())
    assert density.numpy() == pytest.approx(np.log(parts.sum(axis=0)), abs=1e-4)
    assert shares.numpy() == pytest.approx(parts / parts.sum(axis=0), abs=1e-4)


def test_the_mixture_of_moments_is_that_of_the_weighted_values() -> None:
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=500), rng.random((2, 500))
    moments = np.stack([weights @ values**power for power in range(3)], axis=1)
    found = NormalMixture.of(moments)
    means = [np.average(values, weights=own) for own in weights]
    variances = [float(np.cov(values, aweights=own, ddof=0)) for own in weights]
    assert found.share == pytest.approx(weights.sum(axis=1) / weights.sum())
    assert found.mean == pytest.approx(means)
    assert found.sd**2 == pytest.approx(variances, abs=2e-4)
    assert found.parameters == 5


@pytest.mark.parametrize("components", [2, 4])
def test_a_first_mixture_lies_around_zero_and_its_components_differ(components: int) -> None:
    first = NormalMixture.around(2.0, components)
    assert first.share.sum() == pytest.approx(1)
    assert first.share @ first.mean == pytest.approx(0)
    assert len({*zip(first.mean, first.sd, strict=True)}) == components


def test_sums_of_exponentials_and_their_shares_are_those_of_torch() -> None:
    terms = 50 * torch.randn(4, 7, generator=torch.Generator().manual_seed(0))
    expected = terms.logsumexp(1), terms.softmax(1)
    for found, wanted in zip(log_sum(terms, 1), expected, strict=True):
        torch.testing.assert_close(found, wanted)
