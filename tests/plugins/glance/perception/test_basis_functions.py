from __future__ import annotations

import numpy as np
import pytest
import torch

from causalxai_glance.perception.basis_functions import BasisFunctions, rows_of_equation

POINTS = torch.randn(2, 200, generator=torch.Generator().manual_seed(0))
FUNCTIONS = BasisFunctions.of(POINTS, POINTS.T)


def test_each_concept_has_its_line_and_the_curves_of_a_spline() -> None:
    """A natural spline with five knots is a line and three curves."""
    assert FUNCTIONS.shapes == (((1,), (1, 2, 3, 4)), ((5,), (5, 6, 7, 8)))
    assert torch.equal(FUNCTIONS.rows[0], torch.ones(200))
    for concept in (0, 1):
        assert torch.equal(FUNCTIONS.rows[FUNCTIONS.line(concept)], POINTS[concept])
    curves = FUNCTIONS.rows[[2, 3, 4, 6, 7, 8]]
    assert curves.std(dim=1).tolist() == pytest.approx([1] * 6, abs=1e-4)


def test_functions_of_effects_alone_are_not_needed() -> None:
    assert FUNCTIONS.needed([]) == [0, 1, 5]
    assert FUNCTIONS.needed([1]) == [0, 1, 5, 6, 7, 8]


def test_an_equation_takes_its_products_from_those_of_all_functions() -> None:
    products = (FUNCTIONS.rows @ FUNCTIONS.rows.T).numpy()
    where, square = rows_of_equation(FUNCTIONS.shapes, (0, 1), (0, 1))
    assert where.tolist() == [0, 1, 5, 6, 7, 8]
    assert np.array_equal(products.take(square), products[np.ix_(where, where)])
