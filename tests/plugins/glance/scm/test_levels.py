"""Columns of few values: ratings, rounded effects, and booleans with other values than 0 and 1."""

from __future__ import annotations

import numpy as np
import pytest

from causalxai.errors import DataError
from causalxai_datasets.morpho.equations import graph_of, sample
from causalxai_datasets.morpho.scenarios import scenario_equations
from causalxai_glance.scm import (
    MdlScore,
    SearchProblem,
    StructuralModel,
    exact_search,
    is_coarse,
    margin,
)
from causalxai_glance.scm.design import is_stepped


def levelled(column: np.ndarray, levels: int) -> np.ndarray:
    """Round to whole numbers from 0 to ``levels - 1``."""
    return np.round((column - column.min()) / np.ptp(column) * (levels - 1))


def rating(n: int, seed: int) -> np.ndarray:
    """Return a Gaussian cause and a rating of 1 to 10, linear but for its ends."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=n)
    return np.c_[cause, np.clip(np.round(5.5 + 2 * cause + rng.normal(size=n)), 1, 10)]


def test_the_wider_the_spread_of_values_the_less_they_are_steps():
    x = np.random.default_rng(0).normal(size=5_000)
    assert is_stepped(levelled(x, 64)) and not is_stepped(levelled(x, 190))
    assert is_stepped(levelled(x[:300], 30)) and not is_stepped(levelled(x[:300], 60))
    assert is_stepped(levelled(x[:30], 8)) and not is_stepped(x[:30])


def test_few_levels_tell_no_direction_and_none_or_two_may():
    x = np.random.default_rng(0).normal(size=1_000)
    coarse = {levels: is_coarse(levelled(x, levels)) for levels in (2, 3, 10, 30, 60, 190)}
    assert coarse == {2: False, 3: True, 10: True, 30: True, 60: False, 190: False}
    assert not is_coarse(x[:30])


def test_levels_carry_no_link():
    rng = np.random.default_rng(1)
    cause = rng.normal(size=1_000)
    effect = 1 / (1 + np.exp(-2 * cause - 0.5 * rng.normal(size=1_000)))
    fine = MdlScore(np.c_[cause, effect]).equation(1, frozenset({0}))
    steps = MdlScore(np.c_[cause, levelled(effect, 20)]).equation(1, frozenset({0}))
    assert (fine.link.kind, steps.link.kind) == ("logit", "identity")


@pytest.mark.parametrize("seed", range(4))
def test_a_rating_does_not_look_like_the_cause(seed):
    """Its ends pile up: with links its logarithm was the shortest cause, by 67 nats."""
    (pair,) = (worth := margin(SearchProblem(2, MdlScore(rating(2_000, seed)))))
    assert pair == (0, 1) or worth[pair].reversed < 5


@pytest.mark.parametrize("n", [1_000, 5_000])
@pytest.mark.parametrize("scenario", ["TI", "TID", "IT"])
def test_whole_grey_levels_keep_their_direction(scenario, n):
    equations = scenario_equations(scenario, "corrected")
    (values, _), graph = sample(equations, n, np.random.default_rng(0)), graph_of(equations)
    intensity = graph.nodes.index("intensity")
    values[:, intensity] = np.round(values[:, intensity])
    assert len(np.unique(values[:, intensity])) < 200
    edges = {(graph.nodes.index(e.source), graph.nodes.index(e.target)) for e in graph.edges}
    assert exact_search(SearchProblem(2, MdlScore(values))) == edges


@pytest.mark.parametrize("values", [(-1.0, 1.0), (1.0, 2.0), (0.0, 255.0)])
def test_what_is_there_or_not_is_written_0_and_1(values):
    x = np.random.default_rng(0).normal(size=(100, 2))
    x[:, 1] = np.where(x[:, 1] > 0, *values[::-1])
    with pytest.raises(DataError, match=r"column 1 has two values.*must have the values 0 and 1"):
        MdlScore(x)
    with pytest.raises(DataError, match=f"'hat' has two values, {values[0]:g} and {values[1]:g}"):
        StructuralModel.fit(x, ["size", "hat"])
