from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from causalxai.errors import DataError
from causalxai_glance.perception import MeasurementModel, others_alone


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), m=st.integers(1, 4))
def test_unmixing_undoes_any_affine_reading(seed: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    concepts = rng.normal(size=(200, m)) * rng.uniform(0.1, 50, m)
    mixing = np.eye(m) + 0.3 * rng.uniform(-1, 1, (m, m)) / m
    readings = concepts @ mixing.T + rng.normal(size=m)
    measurement_model = MeasurementModel.fit(concepts, readings)
    np.testing.assert_allclose(measurement_model.mixing, mixing, atol=1e-6 * 500)
    np.testing.assert_allclose(measurement_model.unmix(readings), concepts, atol=1e-6)


def test_figures_agree_with_their_closed_forms() -> None:
    rng = np.random.default_rng(0)
    concepts = rng.normal(size=(200_000, 2)) * [2.0, 10.0]
    errors = rng.multivariate_normal([0, 0], [[0.16, 0.1], [0.1, 4.0]], len(concepts))
    readings = concepts @ np.array([[1.0, 0.02], [0.0, 1.0]]).T + errors
    measurement_model = MeasurementModel.fit(concepts, readings)
    np.testing.assert_allclose(measurement_model.cross_talk, [0.02 * 10 / 2, 0.0], atol=2e-3)
    inverse = np.linalg.inv([[1.0, 0.02], [0.0, 1.0]])
    expected = inverse @ np.array([[0.16, 0.1], [0.1, 4.0]]) @ inverse.T
    np.testing.assert_allclose(measurement_model.error_covariance, expected, rtol=0.05, atol=0.01)
    np.testing.assert_allclose(measurement_model.r2, [1 - 0.2 / 4, 1 - 4 / 100], atol=3e-3)
    fit = measurement_model.is_fit(most_cross_talk=0.05, least_r2=0.9)
    assert fit.tolist() == [False, True]


def test_readings_that_are_bent_are_straightened() -> None:
    """Readings that saturate, and that one concept bends for another."""
    rng = np.random.default_rng(0)
    concepts = rng.uniform(-2.5, 2.5, (4000, 2))

    def read(c: NDArray[np.float64]) -> NDArray[np.float64]:
        first = c[:, 0] - 0.02 * c[:, 0] ** 3 + 0.05 * c[:, 0] * c[:, 1] ** 2
        return np.stack([0.1 + first, c[:, 1]], axis=1)

    measurement_model = MeasurementModel.fit(concepts, read(concepts))
    assert np.abs(measurement_model.residuals).max() < 0.01
    together = np.repeat(rng.uniform(-2, 2, (500, 1)), 2, axis=1)
    np.testing.assert_allclose(measurement_model.unmix(read(together)), together, atol=0.01)


def test_a_reading_of_nothing_is_not_fit_and_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)
    concepts = rng.normal(size=(500, 2))
    measurement_model = MeasurementModel.fit(concepts, np.zeros((500, 2)))
    assert not measurement_model.is_fit(most_cross_talk=0.05, least_r2=0.9).any()
    assert np.isfinite(measurement_model.unmix(np.zeros((3, 2)))).all()


def test_constant_concepts_and_few_images_are_refused() -> None:
    rng = np.random.default_rng(0)
    for concepts in (np.zeros((100, 2)), rng.normal(size=(10, 2))):
        with pytest.raises(DataError, match="not enough to calibrate"):
            MeasurementModel.fit(concepts, rng.normal(size=concepts.shape))


def test_others_alone_tells_how_far_labels_follow_from_one_another() -> None:
    rng = np.random.default_rng(0)
    a, free = rng.normal(size=(2, 3000))
    values = np.stack([a, np.sin(a) + 0.1 * rng.normal(size=3000), free], axis=1)
    shares = others_alone(values, np.random.default_rng(1))
    truth = 1 - 0.01 / values[:, 1].var()
    assert shares[1] == pytest.approx(truth, abs=0.02)
    assert shares[2] < 0.02
    assert others_alone(values[:, :1], np.random.default_rng(1)).tolist() == [0.0]
