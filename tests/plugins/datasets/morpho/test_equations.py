from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causalxai.errors import DataError
from causalxai_datasets.morpho.concepts import Concept
from causalxai_datasets.morpho.equations import Equation, Equations, graph_of, sample

NORMAL = {"distribution": "normal", "sd": 2.0}


def equations(**texts: str | dict[str, Any]) -> Equations:
    written = {
        name: text if isinstance(text, dict) else {"expression": text, "noise": NORMAL}
        for name, text in texts.items()
    }
    return TypeAdapter(dict[Concept, Equation]).validate_python(written)


def test_parents_are_the_concepts_that_occur() -> None:
    graph = graph_of(equations(intensity="noise", width="intensity + noise", slant="noise - width"))
    assert graph.nodes == ("slant", "width", "intensity")
    assert {(e.source, e.target) for e in graph.edges} == {
        ("intensity", "width"),
        ("width", "slant"),
    }


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"slant": "width + noise", "width": "slant + noise"}, "has no cycles, .*slant"),
        ({"slant": "slant + noise"}, "joins a node to itself"),
        ({"slant": "width + noise"}, r"slant depends on width, which has no equation .*are: slant"),
        ({}, "at least one of thickness, slant, width, intensity"),
    ],
)
def test_what_is_no_causal_graph_is_refused(texts: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        graph_of(equations(**texts))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"expression": "noise"}, "give its distribution under `noise`"),
        ({"expression": "3", "noise": NORMAL}, "no noise in the expression"),
        ({"expression": "wdth", "noise": NORMAL}, "did you mean 'width'"),
        ({"expression": "noise", "noise": {"distribution": "cauchy"}}, "'normal', 'uniform'"),
        ({"expression": "noise", "noise": {"distribution": "normal", "sd": 0}}, "greater than 0"),
        ({"expression": "noise", "noise": {"distribution": "gamma"}}, "required"),
        (
            {"expression": "noise", "noise": {"distribution": "uniform", "low": 2, "high": 2}},
            "low must be below high, 2 is not below 2",
        ),
        (
            {
                "expression": "noise",
                "noise": {"distribution": "uniform", "low": -1e308, "high": 1.7e308},
            },
            "greater than or equal to -1000000000",
        ),
        (
            {"expression": "noise", "noise": "uniform"},
            r"written as \{distribution: uniform, low: 0, high: 1\}, not as 'uniform'",
        ),
        (
            {"expression": "noise", "noise": 3},
            r"written as \{distribution: normal, mean: 0, sd: 1\}, not as 3",
        ),
        ({"expression": "width", "parents": ["width"]}, "parents are read from the expression"),
        ({"expression": 128}, "'128' is constant, so that the concept does not vary"),
        ({"expression": 128, "noise": NORMAL}, "no noise in the expression"),
        ({"expression": True}, "valid string"),
        ({"expression": "min(2, 3) * 1.5"}, "is constant"),
    ],
)
def test_mistakes_in_an_equation_are_told(written: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Equation.model_validate(written)


@pytest.mark.parametrize(
    ("noise", "mean", "sd"),
    [
        ({"distribution": "normal", "mean": 3, "sd": 0.5}, 3, 0.5),
        ({"distribution": "uniform", "low": 60, "high": 255}, 157.5, 195 / np.sqrt(12)),
        ({"distribution": "gamma", "shape": 10, "rate": 5}, 2, np.sqrt(10) / 5),
    ],
)
def test_noise_has_the_moments_of_its_distribution(
    noise: dict[str, Any], mean: float, sd: float
) -> None:
    given = equations(thickness={"expression": "noise", "noise": noise})
    drawn, _ = sample(given, 40_000, np.random.default_rng(0))
    assert drawn.shape == (40_000, 1)
    assert drawn.mean() == pytest.approx(mean, abs=4 * sd / 200)
    assert drawn.std() == pytest.approx(sd, rel=0.02)


def test_effects_follow_their_causes_and_columns_a_fixed_order() -> None:
    given = equations(intensity="noise", thickness={"expression": "2 * intensity + 1"})
    thickness, intensity = sample(given, 50, np.random.default_rng(0))[0].T
    assert np.array_equal(thickness, 2 * intensity + 1)


def test_what_cannot_be_drawn_is_the_nearest_that_can_for_its_effects_too() -> None:
    given = equations(intensity="100 * noise")
    given = given | {"thickness": Equation(expression="intensity / 50")}
    within = {"thickness": (1.0, 3.0), "intensity": (-75.0, 125.0)}
    thickness, intensity = sample(given, 500, np.random.default_rng(0), within=within)[0].T
    _, free = sample(given, 500, np.random.default_rng(0))[0].T
    assert np.array_equal(intensity, np.clip(free, -75, 125))
    assert np.array_equal(thickness, np.clip(intensity / 50, 1, 3))
    assert thickness.max() == 2.5


def test_noises_are_independent_and_one_equation_does_not_move_another_s() -> None:
    both, _ = sample(equations(slant="noise", width="noise"), 5000, np.random.default_rng(7))
    alone, _ = sample(equations(width="5 + noise"), 5000, np.random.default_rng(7))
    assert abs(np.corrcoef(both.T)[0, 1]) < 0.05
    assert np.array_equal(both[:, 1] + 5, alone[:, 0])


def test_values_that_are_no_numbers_are_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"width: .*'log\(noise\)' is not finite for \d+"):
        sample(equations(width="log(noise)"), 100, np.random.default_rng(0))
