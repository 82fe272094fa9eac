from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from causalxai_datasets.morpho.equations import graph_of, sample
from causalxai_datasets.morpho.scenarios import SCENARIOS, Scenario, Variant, scenario_equations

Array = NDArray[np.float64]
TRUTH = {
    "TI": {("thickness", "intensity")},
    "TID": {("thickness", "intensity")},
    "IT": {("intensity", "thickness")},
    "TS": {("thickness", "slant")},
    "TSWI": {
        ("thickness", "slant"),
        ("thickness", "width"),
        ("slant", "width"),
        ("width", "intensity"),
    },
}


def draw(scenario: Scenario, variant: Variant) -> dict[str, Array]:
    equations = scenario_equations(scenario, variant)
    values, _ = sample(equations, 20_000, np.random.default_rng(0))
    return dict(zip(equations, values.T, strict=True))


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("variant", ["corrected", "paper"])
def test_both_variants_have_the_graph_that_the_name_says(
    scenario: Scenario, variant: Variant
) -> None:
    if (scenario, variant) == ("TID", "paper"):
        with pytest.raises(ValueError, match="the paper has no TID, only TI, IT, TS, TSWI"):
            scenario_equations(scenario, variant)
        return
    edges = graph_of(scenario_equations(scenario, variant)).edges
    assert {(edge.source, edge.target) for edge in edges} == TRUTH[scenario]


# The residual of each equation, written down a second time, and its standard deviation.
RESIDUALS: list[tuple[Scenario, Variant, Callable[[dict[str, Array]], Array], float]] = [
    ("TI", "corrected", lambda v: v["intensity"] - 64 - 191 * sigmoid(2 * v["thickness"] - 5), 1),
    ("TI", "paper", lambda v: v["intensity"] - 64 - 191 * sigmoid(2 * v["thickness"] + 5), 1),
    (
        "TID",
        "corrected",
        lambda v: -np.log(191 / (v["intensity"] - 64) - 1) - 2 * v["thickness"] + 5,
        0.5,
    ),
    ("IT", "paper", lambda v: v["thickness"] - 3 - sigmoid(v["intensity"] / 255), 0.5),
    ("TS", "corrected", lambda v: v["slant"] + 15 - 30 * sigmoid(2 * v["thickness"] - 5), 3),
    ("TS", "paper", lambda v: v["slant"] - 10 - 5 * sigmoid(2 * v["thickness"] - 5), 0.5),
    ("TSWI", "corrected", lambda v: v["slant"] - 12 * (v["thickness"] - 2.5), 3),
    (
        "TSWI",
        "corrected",
        lambda v: v["width"] - 4 - 15 * sigmoid(v["thickness"] / 2) + v["slant"] / 4,
        1,
    ),
    ("TSWI", "corrected", lambda v: v["intensity"] - 64 - 191 * sigmoid(v["width"] / 2 - 7.75), 4),
    ("TSWI", "paper", lambda v: v["slant"] - 10 - 20 * v["thickness"], 5),
    (
        "TSWI",
        "paper",
        lambda v: v["width"] - 10 - 15 * sigmoid(v["thickness"] / 2) + v["slant"] / 4,
        1,
    ),
    ("TSWI", "paper", lambda v: v["intensity"] - 64 - 191 * sigmoid(v["width"] / 25), 1),
]


@pytest.mark.parametrize(("scenario", "variant", "residual", "sd"), RESIDUALS)
def test_residuals_are_the_noise(
    scenario: Scenario, variant: Variant, residual: Callable[[dict[str, Array]], Array], sd: float
) -> None:
    left = residual(draw(scenario, variant))
    assert left.mean() == pytest.approx(0, abs=4 * sd / np.sqrt(len(left)))
    assert left.std() == pytest.approx(sd, rel=0.03)


def test_corrected_it_is_cut_off_below() -> None:
    values = draw("IT", "corrected")
    mean = 1 + 3 * sigmoid((values["intensity"] - 157.5) / 30)
    free = values["thickness"] > 0.6
    assert values["thickness"].min() == 0.6
    assert 0 < (~free).mean() < 0.05
    clear = mean > 2
    assert (values["thickness"] - mean)[clear].std() == pytest.approx(0.25, rel=0.03)


THICKNESSES: list[tuple[Scenario, Variant, float]] = [
    ("TI", "paper", 0.5),
    ("TS", "paper", 0),
    ("TS", "corrected", 0.5),
]


@pytest.mark.parametrize(("scenario", "variant", "low"), THICKNESSES)
def test_thickness_is_a_gamma_that_starts_at_half_a_pixel(
    scenario: Scenario, variant: Variant, low: float
) -> None:
    thickness = draw(scenario, variant)["thickness"]
    assert thickness.min() > low
    assert thickness.mean() == pytest.approx(2 + low, abs=0.02)
    assert thickness.var() == pytest.approx(10 / 25, rel=0.05)


def test_what_is_wrong_with_the_paper_s_constants() -> None:
    strength = {
        (scenario, variant): abs(np.corrcoef([*draw(scenario, variant).values()])[0, 1])
        for scenario in ("TI", "IT")
        for variant in ("paper", "corrected")
    }
    assert strength["TI", "paper"] < 0.1
    assert strength["IT", "paper"] < 0.2
    assert min(strength["TI", "corrected"], strength["IT", "corrected"]) > 0.85
    assert draw("TSWI", "paper")["slant"].max() > 90
