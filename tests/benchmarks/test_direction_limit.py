"""Means under the scenario's density are those of its equations, forwards and backwards."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def limit() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module("direction_limit")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
        sys.modules.pop("direction_limit", None)


@pytest.fixture(scope="module")
def rows(limit: ModuleType):
    return limit.drawn(400, np.random.default_rng(0))


@pytest.fixture(scope="module")
def density(limit: ModuleType):
    return limit.Density.of_the_scenario((48, 72, 128, 64))


def test_the_mean_given_the_causes_is_that_of_the_equations(limit, rows, density):
    slant, width, _ = limit.means(*rows[:3])
    assert density.mean(1, (0,), rows) == pytest.approx(slant, abs=0.1)
    assert density.mean(2, (0, 1), rows) == pytest.approx(width, abs=0.02)


def test_slant_given_width_is_as_linear_as_width_given_slant(limit, rows, density):
    """Given thickness both are normal, so that no label tells which one causes the other."""
    slant, width_of_slant, _ = limit.means(*rows[:3])
    mean_width = width_of_slant + 0.25 * (rows[1] - slant)
    variance = 0.25**2 * 9 + 1
    closed = slant - 0.25 * 9 / variance * (rows[2] - mean_width)
    assert density.mean(1, (0, 2), rows) == pytest.approx(closed, abs=0.1)


def test_the_mean_of_nothing_given_is_that_of_the_margin(density, rows):
    assert density.mean(0, (), rows) == pytest.approx(np.full(400, 2.5), abs=0.01)
