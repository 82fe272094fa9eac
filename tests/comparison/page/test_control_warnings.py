from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from causalxai import Comparison
from causalxai.comparison.page.render import render_comparison
from causalxai.comparison.page.score_table import ScoreTable, score_table
from causalxai.explainer import ControlKind
from causalxai.metric import Metric

Made = Callable[..., Comparison]


def warnings(table: ScoreTable) -> dict[str, tuple[str, ...]]:
    return {line.labels[0]: line.scores[0].warnings for line in table.lines}


@pytest.mark.parametrize(
    ("higher", "matched"), [(True, ("low", "equal")), (False, ("high", "equal"))]
)
def test_a_control_that_does_as_well_is_named(
    compared: Made, higher: bool, matched: tuple[str, ...]
):
    values = {"low": 0.1, "high": 0.9, "equal": 0.5, "control": 0.5}
    table = score_table(compared(values, higher_is_better=higher))
    assert {name for name, told in warnings(table).items() if told} == set(matched)
    (warning,) = table.control_warnings
    assert warning.control == "control"
    assert {one.label for one in warning.methods} == set(matched)
    assert {one.label for one in warning.methods if one.overlaps} == {"equal"}
    assert not warning.all_methods


def test_a_control_that_nobody_beats_is_told_once(compared: Made):
    table = score_table(compared({"a": 0.1, "b": 0.2, "control": 0.3}))
    assert warnings(table) == {"a": (), "b": (), "control (control)": ("no method does better",)}
    assert table.control_warnings[0].all_methods


def test_nothing_is_said_where_controls_do_worse(compared: Made):
    table = score_table(compared({"a": 0.4, "b": 0.5, "control": 0.3}))
    assert table.control_warnings == ()
    assert not any(warnings(table).values())


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
    (warning,) = score_table(replace(comparison, entries=tuple(told))).control_warnings
    assert warning.why == "What it measures: How near it is to the sea."


def test_the_metric_says_why_a_control_of_its_kind_can_win(
    compared: Made, monkeypatch: pytest.MonkeyPatch
):
    comparison = compared({"a": 0.2, "control": 0.3})
    (metric,) = comparison.entries[0].cell.spec.metrics
    remarks = {ControlKind.RANDOM: "Noise is near.", ControlKind.CONSTANT: "Zero is near."}
    monkeypatch.setattr(metric.plugin_class, "why_controls_win", remarks)
    (warning,) = score_table(comparison).control_warnings
    assert warning.why == "Noise is near."


def test_long_reasons_are_notes_and_each_stands_once(compared: Made):
    table = score_table(compared({"a": None, "b": None, "control": 0.3}))
    assert [line.scores[0].note for line in table.lines] == [1, 1, 0]
    assert len(table.notes) == 1
    assert table.notes[0].startswith("a reason that is far too long")


def test_the_page_says_why_a_control_may_do_as_well(compared: Made):
    html = render_comparison(compared({"a": 0.1, "b": 0.2, "control": 0.3}))
    assert "Where a control does as well" in html
    assert "no method does better" in html
    assert "Where a control does as well" not in render_comparison(
        compared({"a": 0.4, "control": 0.3})
    )
