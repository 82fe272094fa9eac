from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from causalxai import Comparison, Estimate, MetricResult
from causalxai.comparison.page.render import render_comparison
from causalxai.comparison.page.score_table import ScoreTable, score_table, shared_scores
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


def test_scores_about_other_concepts_are_not_comparable(compared: Made):
    other = {"other": {"oracle": {"use": "toy", "world": 1}}}
    values = {"a": 0.2, "b": 0.3, "other": 0.9, "control": 0.25}
    table = score_table(compared(values, overrides=other))
    scores = {line.labels[0]: line.scores[0] for line in table.lines}
    assert [name for name, score in scores.items() if score.marks] == ["other"]
    assert scores["other"].marks == "†"
    assert [name for name, score in scores.items() if score.best] == ["b"]
    assert [one.label for one in table.control_warnings[0].methods] == ["a"]
    assert {line.concepts for line in table.lines} == {"toy"}


def test_what_was_read_of_pixels_is_not_comparable_with_what_was_read_of_concepts(compared: Made):
    read = {"maps": "pixels", "more maps": "pixels", "own": "concepts", "control": "pixels"}
    values = {"maps": 0.2, "more maps": 0.3, "own": 0.9, "control": 0.95}
    comparison = compared(values, read=read, metric="undefined")
    table = score_table(comparison)
    scores = {line.labels[0]: line.scores[0] for line in table.lines}
    assert [name for name, score in scores.items() if score.best] == ["more maps"]
    assert {name: score.marks for name, score in scores.items() if score.marks} == {"own": "‡"}
    assert [one.label for one in table.control_warnings[0].methods] == ["maps", "more maps"]
    assert set(comparison.ranks().method) == {"maps", "more maps", "control"}
    assert "own" not in set(comparison.differences()["first"])
    table = comparison.table.set_index("method")
    assert table.loc["maps", "vocabulary"] == ""
    assert table.loc["own", "vocabulary"].startswith("toy ")
    assert "‡ Pixels were read" in render_comparison(comparison)


def test_ranks_and_differences_keep_vocabularies_apart(compared: Made):
    oracle = {"oracle": {"use": "toy", "world": 1}}
    values = {"a": 0.2, "b": 0.3, "other": 0.9, "another": 0.8, "control": 0.25}
    comparison = compared(values, overrides={"other": oracle, "another": oracle})
    ranks = comparison.ranks().set_index("method")["rank"]
    assert dict(ranks) == {"b": 1, "control": 2, "a": 3, "other": 1, "another": 2}
    pairs = {(row.first, row.second) for row in comparison.differences().itertuples()}
    assert pairs == {("a", "b"), ("a", "control"), ("b", "control"), ("other", "another")}
    html = render_comparison(comparison)
    assert html.count(">distance · toy ") == 2
    alone = render_comparison(compared({"a": 0.2, "b": 0.3, "control": 0.25}))
    assert "distance · toy " not in alone


def test_the_concepts_are_told_whatever_metrics_a_line_has(compared: Made):
    other = {"oracle": {"use": "toy", "world": 1}}
    values = {"a": 0.2, "other": 0.9, "silent": None, "control": 0.1}
    overrides = {"other": other, "silent": {"metrics": []}}
    table = score_table(compared(values, overrides=overrides))
    assert {line.labels[0]: line.concepts for line in table.lines}["other"] == "toy"
    fit = {"error": 0.5}
    comparison = compared(values, overrides=overrides)
    entries = tuple(
        replace(
            entry,
            outcome=replace(
                entry.outcome,
                fit=fit,
                metrics=() if entry.cell.labels["method"] == "silent" else entry.outcome.metrics,
            ),
        )
        for entry in comparison.entries
    )
    assert "silent" in render_comparison(replace(comparison, entries=entries))


def test_the_metric_says_why_a_control_of_its_kind_can_win(
    compared: Made, monkeypatch: pytest.MonkeyPatch
):
    comparison = compared({"a": 0.2, "control": 0.3})
    (metric,) = comparison.entries[0].cell.spec.metrics
    remarks = {ControlKind.RANDOM: "Noise is near.", ControlKind.CONSTANT: "Zero is near."}
    monkeypatch.setattr(metric.plugin_class, "why_controls_win", remarks)
    (warning,) = score_table(comparison).control_warnings
    assert warning.why == "Noise is near."


@pytest.mark.parametrize(("translated", "mark"), [(True, "◇"), (False, ""), (None, "")])
def test_scores_of_translated_explanations_are_marked(
    compared: Made, translated: bool | None, mark: str
):
    table = score_table(compared({"a": 0.2, "control": 0.1}, translated=translated))
    assert [line.scores[0].marks for line in table.lines] == [mark, mark]
    assert table.marks == set(mark)


def test_long_reasons_are_notes_and_each_stands_once(compared: Made):
    table = score_table(compared({"a": None, "b": None, "control": 0.3}))
    assert [line.scores[0].note for line in table.lines] == [1, 1, 0]
    assert len(table.notes) == 1
    assert table.notes[0].startswith("a reason that is far too long")


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
    html = render_comparison(compared({"a": 0.1, "b": 0.2, "control": 0.3}))
    assert "Where a control does as well" in html
    assert "no method does better" in html
    assert "Where a control does as well" not in render_comparison(
        compared({"a": 0.4, "control": 0.3})
    )
