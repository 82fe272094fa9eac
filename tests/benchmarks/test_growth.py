"""The fit of power laws."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
NAMES = (
    "growth", "_arithmetic", "_networks", "_oracle_cases", "_oracle_sides", "_power_law", "_timing",
)  # fmt: skip


@pytest.fixture(scope="module")
def growth() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module("growth")
    for name in NAMES:
        sys.modules.pop(name, None)


def test_a_power_law_is_found_exactly(growth):
    at = np.array([1, 2, 4, 8])
    fit = growth.power_law(at, 3 * at**1.5)
    assert fit.exponent == pytest.approx(1.5) and fit.standard_error == pytest.approx(0, abs=1e-9)


def test_the_standard_error_is_that_of_least_squares(growth):
    at = np.array([1.0, 3.0, 10.0, 20.0, 50.0])
    seconds = at**2 * np.array([1.1, 0.9, 1.0, 1.2, 0.8])
    fit = growth.power_law(at, seconds)
    x, y = np.log(at), np.log(seconds)
    design = np.stack([np.ones_like(x), x], axis=1)
    beta, residual, *_ = np.linalg.lstsq(design, y, rcond=None)
    variance = residual[0] / (len(x) - 2) * np.linalg.inv(design.T @ design)
    assert fit.exponent == pytest.approx(beta[1])
    assert fit.standard_error == pytest.approx(variance[1, 1] ** 0.5)


def test_two_points_are_too_few(growth):
    with pytest.raises(ValueError, match="three points or more, not 2"):
        growth.power_law([1, 2], [1, 2])


def test_a_line_has_both_sides(growth):
    points = [growth.Point(at, 0.1 * at, 2.0 * at**2) for at in (1, 2, 4)]
    line = growth.line("images", "on one thread", points)
    assert line["exponent"] == 1 and line["naive_exponent"] == 2
    assert line["at"] == [1, 2, 4] and line["seconds"] == [0.1, 0.2, 0.4]
