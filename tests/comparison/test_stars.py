from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from causalxai import Comparison, Estimate
from causalxai.comparison.page.score_table import score_table

Made = Callable[..., Comparison]


def stars(comparison: Comparison) -> list[str]:
    lines = score_table(comparison).lines
    return [line.labels[0] for line in lines for score in line.scores if score.best]


@pytest.mark.parametrize(
    ("values", "higher", "expected"),
    [
        ({"a": 0.9, "b": 0.5, "control": 0.2}, True, ["a"]),
        ({"a": 0.9, "b": 0.5, "control": 0.95}, False, ["b"]),
        # All intervals reach 0.05 to either side.
        ({"a": 0.9, "b": 0.5, "control": 0.81}, True, []),
        ({"a": 0.9, "b": 0.5, "control": 0.97}, True, []),
        ({"a": 0.9, "b": 0.5, "control": 0.59}, False, []),
        ({"a": 0.9, "b": None, "control": 0.2}, True, []),
    ],
)
def test_a_star_is_clear_of_every_control(
    compared: Made, values: dict[str, float | None], higher: bool, expected: list[str]
):
    assert stars(compared(values, higher_is_better=higher)) == expected


def test_a_control_counts_although_pixels_were_read_of_it(compared: Made):
    values, read = {"a": 0.9, "b": 0.5, "control": 0.95}, {"a": "concepts", "b": "concepts"}
    assert stars(compared(values, read={**read, "control": "pixels"})) == []
    assert stars(compared({**values, "control": 0.1}, read={**read, "control": "pixels"})) == ["a"]


@pytest.mark.parametrize(
    ("further", "expected"),
    [
        ({}, ["a"]),
        ({"chance": Estimate(0.5)}, ["a"]),
        ({"chance": Estimate(0.5, 0.4, 0.85)}, []),
        ({"controls": {"one": Estimate(0.1), "other": Estimate(0.85)}}, []),
        ({"controls": {"one": Estimate(0.1), "other": Estimate(0.7)}}, ["a"]),
    ],
)
def test_a_star_is_clear_of_chance_and_of_the_metrics_own_controls(
    scored: Made, further: dict[str, Any], expected: list[str]
):
    assert stars(scored([{"a": 0.9, "b": 0.5}], reach=0.1, **further)) == expected


def test_a_score_without_an_interval_beats_nobody(scored: Made):
    scores: list[dict[str, float | None]] = [{"a": 0.9, "b": 0.5}]
    assert stars(scored(scores, reach=None)) == ["a"]
    assert stars(scored(scores, reach=None, chance=Estimate(0.1))) == []
