from __future__ import annotations

import numpy as np
import pytest
import torch

from causalxai.testing.toys import ToyOracle, toy_world
from causalxai_glance.effects import Concepts, direct_effects, edge_weights, prediction_shift
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.twin_oracle import TwinOracle

# top left → top right → bottom left, and top left → bottom left besides.
WEIGHTS = (
    (0.0, 0.5, -0.4, 0.0),
    (0.0, 0.0, 0.8, 0.0),
    (0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 0.0),
)
SD = torch.tensor([1.0, 2.0, 0.5, 1.0])


@pytest.fixture(scope="module")
def toy() -> Concepts:
    world = toy_world(0)
    oracle = ToyOracle(weights=WEIGHTS).bind(world.classifier, world.space)
    return Concepts(oracle, world.space.encode(world.dataset.test.images[:6]), 4, SD)


def test_direct_effects_are_the_coefficients_of_a_linear_model(toy: Concepts):
    effects = direct_effects(toy)
    assert effects.shape == (6, 2, 4, 4)
    expected = np.array(WEIGHTS) * SD.numpy()[:, None] / SD.numpy()
    np.testing.assert_allclose(edge_weights(effects), expected, atol=1e-4)
    assert abs(expected[0, 2]) != pytest.approx(abs(expected[0, 2] + expected[0, 1]))


def test_a_path_through_another_concept_is_no_direct_effect(toy: Concepts):
    chain = tuple(tuple(0.0 if (i, j) == (0, 2) else w for j, w in enumerate(row))
                  for i, row in enumerate(WEIGHTS))  # fmt: skip
    oracle = ToyOracle(weights=chain).bind(toy.oracle.classifier, toy.oracle.space)
    weights = edge_weights(direct_effects(Concepts(oracle, toy.units, 4, SD)))
    assert abs(weights[0, 2]) < 1e-4 < abs(weights[0, 1])


def test_own_changes_are_one_where_do_is_obeyed(toy: Concepts):
    np.testing.assert_allclose(direct_effects(toy)[:, 1], 1, atol=1e-4)


def test_units_asked_together_answer_as_they_do_alone(
    twin_oracle: TwinOracle, latent_space: LatentSpace, squares
):
    units = latent_space.encode(squares.test.images[:5])
    together = direct_effects(Concepts(twin_oracle, units, 2, latent_space.sd_[:2]))
    for row in range(5):
        alone = Concepts(twin_oracle, units[slice(row, row + 1)], 2, latent_space.sd_[:2])
        np.testing.assert_allclose(direct_effects(alone)[0], together[row], atol=1e-4)


def test_a_concept_that_does_not_obey_has_no_weight():
    effects = np.zeros((3, 2, 2, 2))
    effects[:, 0, 0, 1] = 0.04
    effects[:, 1] = [[1, 0.01], [1, 1]]
    assert edge_weights(effects)[0, 1] == 0


def test_one_concept_has_no_pairs(toy: Concepts):
    alone = Concepts(toy.oracle, toy.units, 1, SD[:1])
    assert edge_weights(direct_effects(alone)).tolist() == [[0.0]]


def test_the_prediction_shifts_by_total_variation(toy: Concepts):
    shift = prediction_shift(toy)
    assert shift.shape == (6, 4)
    assert ((shift >= 0) & (shift <= 1)).all()
    still = Concepts(toy.oracle, toy.units, 4, torch.zeros(4))
    np.testing.assert_allclose(prediction_shift(still), 0, atol=1e-5)
    assert shift.max() > 1e-3
