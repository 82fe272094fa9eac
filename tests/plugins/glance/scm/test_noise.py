from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.mixture import GaussianMixture

from causalxai_glance.scm.noise import NARROWEST, Cells, Noise, fit_noise

TWO = Noise((0.3, 0.7), (-1.4, 0.6), (0.5, 0.8))
SAMPLES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "laplace": lambda rng, n: rng.laplace(size=n),
    "two hills": lambda rng, n: TWO.sample(n, rng),
    "long tails": lambda rng, n: rng.standard_t(3, size=n),
}


def test_densities_are_scipys():
    x = np.linspace(-4, 4, 33)
    parts = zip(TWO.weights, TWO.means, TWO.sds, strict=True)
    density = sum(w * stats.norm(m, s).pdf(x) for w, m, s in parts)
    np.testing.assert_allclose(TWO.log_density(x), np.log(density))


@pytest.mark.parametrize(("lower", "upper"), [(-np.inf, -0.5), (0.2, 0.9), (-6.0, np.inf)])
def test_masses_are_scipys(lower, upper):
    parts = zip(TWO.weights, TWO.means, TWO.sds, strict=True)
    mass = sum(w * (stats.norm(m, s).cdf(upper) - stats.norm(m, s).cdf(lower)) for w, m, s in parts)
    assert TWO.log_mass(lower, upper) == pytest.approx(np.log(mass))


def test_far_masses_are_exact():
    standard = Noise((1.0,), (0.0,), (1.0,))
    assert standard.log_mass(30.0, np.inf) == pytest.approx(stats.norm.logsf(30.0))
    assert standard.log_mass(-np.inf, -30.0) == pytest.approx(stats.norm.logcdf(-30.0))
    narrow = standard.log_mass(20.0, 20.001)
    assert narrow == pytest.approx(stats.norm.logpdf(20.0005) + np.log(0.001), abs=1e-3)


def test_the_entropy_of_gaussian_noise_is_the_closed_form():
    x = np.random.default_rng(0).normal(3.0, 2.0, size=1_000)
    (fit,) = fit_noise(x)
    assert fit.noise.components == 1
    assert fit.noise.entropy(x) == pytest.approx(stats.norm.entropy(scale=x.std()), abs=1e-9)
    assert fit.length == pytest.approx(1_000 * fit.noise.entropy(x) + np.log(1_000))


@pytest.mark.parametrize("name", SAMPLES)
def test_mixtures_fit_as_well_as_scikit_learns(name):
    n = 3_000
    x = SAMPLES[name](np.random.default_rng(1), n)
    (fit,) = fit_noise(x, most=3)
    lengths = []
    for components in (1, 2, 3):
        rival = GaussianMixture(components, n_init=3, random_state=0, reg_covar=1e-6)
        likelihood = rival.fit(x[:, None]).score(x[:, None]) * n
        lengths.append(0.5 * (3 * components - 1) * np.log(n) - likelihood)
    assert fit.length < min(lengths) + 3.0


def test_as_many_components_as_the_data_pay_for():
    x = TWO.sample(4_000, np.random.default_rng(2))
    (fit,) = fit_noise(x)
    assert fit.noise.components == 2
    order = np.argsort(fit.noise.means)
    np.testing.assert_allclose(np.asarray(fit.noise.means)[order], TWO.means, atol=0.15)
    np.testing.assert_allclose(np.asarray(fit.noise.weights)[order], TWO.weights, atol=0.05)
    true = -TWO.log_density(x).sum()
    assert fit.length - 0.5 * 5 * np.log(4_000) == pytest.approx(true, abs=8.0)


def test_the_length_is_that_of_the_values():
    x = np.random.default_rng(3).exponential(size=2_000)
    (fit,) = fit_noise(x)
    price = 0.5 * fit.noise.parameters * np.log(len(x))
    assert fit.length == pytest.approx(price - fit.noise.log_density(x).sum())
    assert fit.length < price - stats.norm(x.mean(), x.std()).logpdf(x).sum()


def test_many_samples_are_fitted_as_if_alone():
    rng = np.random.default_rng(4)
    batch = np.stack([SAMPLES[name](rng, 800) for name in SAMPLES])
    together = fit_noise(batch)
    for row, fit in zip(batch, together, strict=True):
        # They stop together, so that the others may go a few steps further.
        assert fit.length == pytest.approx(fit_noise(row)[0].length, abs=0.5)


@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3), seed=st.integers(0, 50))
def test_units_only_move_the_length(scale, shift, seed):
    x = np.random.default_rng(seed).exponential(size=120)
    plain, moved = fit_noise(x)[0], fit_noise(shift + scale * x)[0]
    assert moved.length - 120 * np.log(scale) == pytest.approx(plain.length, abs=1e-3)
    assert moved.noise.components == plain.noise.components


def test_no_component_collapses_on_repeated_values():
    rng = np.random.default_rng(5)
    x = np.where(rng.random(1_000) < 0.3, 0.0, rng.normal(size=1_000))
    (fit,) = fit_noise(x)
    assert min(fit.noise.sds) >= NARROWEST * x.std() * (1 - 1e-9)


def test_clipped_values_count_as_the_probability_beyond():
    x = np.maximum(np.random.default_rng(6).normal(size=2_000), -1.0)
    rows = np.flatnonzero(x == -1.0)
    cells = Cells(rows, np.full(len(rows), np.inf), np.zeros(len(rows)))
    (fit,) = fit_noise(x, cells=cells)
    beyond = len(rows) * fit.noise.log_mass(-np.inf, -1.0)
    price = 0.5 * fit.noise.parameters * np.log(2_000)
    density = fit.noise.log_density(x[x > -1.0]).sum()
    assert fit.length == pytest.approx(price - density - beyond)


def test_narrow_cells_count_as_their_density():
    x = np.random.default_rng(8).exponential(size=400)
    width = 1e-4
    everything = Cells(np.arange(400), np.full(400, width / 2), np.full(400, width / 2))
    (fine,), (plain,) = fit_noise(x, cells=everything), fit_noise(x)
    assert fine.length + 400 * np.log(width) == pytest.approx(plain.length, abs=0.01)


def test_samples_follow_the_distribution():
    x = TWO.sample(4_000, np.random.default_rng(7))
    cdf = lambda v: np.exp(TWO.log_mass(np.full(v.shape, -np.inf), v))  # noqa: E731
    assert stats.kstest(x, cdf).pvalue > 0.01


def test_noise_survives_json():
    assert Noise.from_json(TWO.to_json()) == TWO


def test_samples_that_are_fitted_together_are_fitted_as_alone():
    rng = np.random.default_rng(0)
    samples = np.stack([draw(rng, 700) for draw in SAMPLES.values()])
    most = np.array([1, 2, 3, 4, 3, 4])
    for sample, limit, together in zip(samples, most, fit_noise(samples, most), strict=True):
        (alone,) = fit_noise(sample, int(limit))
        assert together.length == pytest.approx(alone.length, abs=1e-6)
        assert together.noise.components == alone.noise.components <= limit
