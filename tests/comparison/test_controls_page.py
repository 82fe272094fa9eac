from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from causalxai import Comparison, Estimate, MetricResult
from causalxai.comparison.outcome import Entry, Outcome
from causalxai.comparison.score_grid import Grid, score_grid, shared_scores
from causalxai.metric import Metric
from causalxai.spec import load_grid

from .conftest import BASE

Made = Callable[..., Comparison]


@pytest.fixture
def compared(tmp_path: Path) -> Made:
    """Make a comparison of one seed from values by method, ``control`` being one."""

    def made(
        values: Mapping[str, float | None],
        *,
        higher_is_better: bool = True,
        metric: str = "distance",
        overrides: Mapping[str, Any] | None = None,
        footing: str = "",
        parts: Mapping[str, Mapping[str, float]] | None = None,
    ) -> Comparison:
        vary = {name: dict((overrides or {}).get(name, {})) for name in values}
        vary["control"] = {"explain": "random", "control": True}
        grid = load_grid({**BASE, "metrics": [metric], "vary": {"method": vary}})
        entries = []
        for cell in grid.cells:
            name = str(cell.labels["method"])
            value = values[name]
            result = MetricResult(
                metric,
                "skipped" if value is None else "ok",
                None if value is None else Estimate(value, value - 0.05, value + 0.05, n=9),
                reason="a reason that is far too long for a cell of a table" * (value is None),
                parts={k: Estimate(v) for k, v in (parts or {}).get(name, {}).items()},
                higher_is_better=higher_is_better,
                footing=footing,
            )
            entries.append(Entry(cell, Outcome(metrics=(result,))))
        return Comparison(grid.name, grid.axes, tuple(entries), tmp_path / "comparison")

    return made


def warnings(grid: Grid) -> dict[str, tuple[str, ...]]:
    return {line.labels[0]: line.scores[0].warnings for line in grid.lines}


@pytest.mark.parametrize(
    ("higher", "beaten"), [(True, ("low", "equal")), (False, ("high", "equal"))]
)
def test_a_control_that_does_as_well_is_told(compared: Made, higher: bool, beaten: tuple[str, ...]):
    values = {"low": 0.1, "high": 0.9, "equal": 0.5, "control": 0.5}
    grid = score_grid(compared(values, higher_is_better=higher))
    assert {name for name, told in warnings(grid).items() if told} == set(beaten)
    (upset,) = grid.upsets
    assert upset.control == "control"
    assert {one.label for one in upset.methods} == set(beaten)
    assert {one.label for one in upset.methods if one.overlaps} == {"equal"}
    assert not upset.everyone


def test_a_control_that_nobody_beats_is_told_once(compared: Made):
    grid = score_grid(compared({"a": 0.1, "b": 0.2, "control": 0.3}))
    assert warnings(grid) == {"a": (), "b": (), "control (control)": ("no method does better",)}
    assert grid.upsets[0].everyone


def test_nothing_is_said_where_controls_do_worse(compared: Made):
    grid = score_grid(compared({"a": 0.4, "b": 0.5, "control": 0.3}))
    assert grid.upsets == ()
    assert not any(warnings(grid).values())


def test_the_metric_says_what_it_measures(compared: Made):
    class Documented(Metric):
        """How near it is
        to the sea.

        And more.
        """

        name = "distance"

    comparison = compared({"a": 0.4, "b": 0.1, "control": 0.3})
    told = []
    for entry in comparison.entries:
        (part,) = entry.cell.spec.metrics
        spec = replace(entry.cell.spec, metrics=(replace(part, plugin_class=Documented),))
        told.append(replace(entry, cell=replace(entry.cell, spec=spec)))
    (upset,) = score_grid(replace(comparison, entries=tuple(told))).upsets
    assert upset.why == "What it measures: How near it is to the sea."


def test_scores_about_other_concepts_do_not_compete(compared: Made):
    other = {"other": {"oracle": {"use": "toy", "world": 1}}}
    values = {"a": 0.2, "b": 0.3, "other": 0.9, "control": 0.25}
    grid = score_grid(compared(values, overrides=other))
    scores = {line.labels[0]: line.scores[0] for line in grid.lines}
    assert [name for name, score in scores.items() if score.marks] == ["other"]
    assert scores["other"].marks == "†"
    assert [name for name, score in scores.items() if score.best] == ["b"]
    assert [one.label for one in grid.upsets[0].methods] == ["a"]
    assert {line.concepts for line in grid.lines} == {"toy"}


def test_scores_through_the_generator_are_marked(compared: Made):
    grid = score_grid(compared({"a": 0.2, "control": 0.1}, footing="through the generator"))
    assert [line.scores[0].marks for line in grid.lines] == ["◇", "◇"]
    assert grid.marks == {"◇"}


def test_long_reasons_are_notes_and_each_stands_once(compared: Made):
    grid = score_grid(compared({"a": None, "b": None, "control": 0.3}))
    assert [line.scores[0].note for line in grid.lines] == [1, 1, 0]
    assert len(grid.notes) == 1
    assert grid.notes[0].startswith("a reason that is far too long")


def test_what_one_method_alone_was_asked_stands_apart(compared: Made):
    comparison = compared(
        {"a": 0.2, "b": 0.1, "control": 0.1},
        overrides={"a": {"metrics": ["distance", "undefined"]}},
    )
    first, *rest = comparison.entries
    own = MetricResult("undefined", estimate=Estimate(0.5))
    outcome = replace(first.outcome, metrics=(*first.outcome.metrics, own))
    comparison = replace(comparison, entries=(replace(first, outcome=outcome), *rest))
    shared, single = shared_scores(comparison)
    assert shared.metrics == ("distance ↑",)
    assert single.metrics == ("undefined ↑",)
    assert [line.labels for line in single.lines] == [("a",)]


def test_the_page_says_why_a_control_may_do_as_well(compared: Made):
    html = compared({"a": 0.1, "b": 0.2, "control": 0.3}).to_html()
    assert "Where a control does as well" in html
    assert "no method does better" in html
    assert "Where a control does as well" not in compared({"a": 0.4, "control": 0.3}).to_html()
