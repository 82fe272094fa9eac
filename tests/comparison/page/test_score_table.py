from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from causalxai import Comparison, Estimate, MetricResult
from causalxai.comparison.page.render import render_comparison
from causalxai.comparison.page.score_table import fit_of, score_table, shared_scores

Made = Callable[..., Comparison]


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


@pytest.mark.parametrize(("translated", "mark"), [(True, "◇"), (False, ""), (None, "")])
def test_scores_of_translated_explanations_are_marked(
    compared: Made, translated: bool | None, mark: str
):
    table = score_table(compared({"a": 0.2, "control": 0.1}, translated=translated))
    assert [line.scores[0].marks for line in table.lines] == [mark, mark]
    assert table.marks == set(mark)


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


def test_the_first_table_has_metrics_across_and_labels_down(page: Any, done: Comparison):
    heads = page.row("method")[1]
    # A level of chance that all rows share is told once.
    assert heads == ["method", "best-concept ↑chance 0.333", "distance ↓", "cost"]
    kind, cells = page.row("exact")
    assert kind == ""
    assert "chance" not in cells[1]
    assert "zero" not in cells[2]
    assert cells[3].endswith(" s30 what-ifs")
    kind, cells = page.row("random (control)")
    assert kind == "apart"
    assert "what-ifs" not in cells[3]
    pooled = done.pooled()
    row = pooled[
        (pooled.method == "random") & (pooled.metric == "distance") & (pooled.kind == "score")
    ]
    assert cells[2].strip().startswith(f"{row.value.iloc[0]:.3f} [")


def test_only_the_best_is_marked(scored: Callable[..., Comparison]):
    for higher, best in ((True, "c"), (False, "a")):
        scores = [{"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.0, "b": 2.0, "c": 3.0}]
        table = score_table(scored(scores, higher_is_better=higher))
        marked = [line.labels[0] for line in table.lines if line.scores[0].best]
        assert marked == [best]


def test_rounding_makes_nobody_the_best(scored: Callable[..., Comparison]):
    table = score_table(scored([{"a": 0.1 + 0.2, "b": 0.3, "c": 0.2}]))
    assert [line.labels[0] for line in table.lines if line.scores[0].best] == ["a", "b"]


def test_controls_are_not_ranked_among_methods(done: Comparison):
    lines = {line.labels[0]: line for line in score_table(done).lines}
    assert [label for label, line in lines.items() if line.control] == ["random (control)"]
    # One of the two others failed, so that there is nothing to be better than.
    assert not any(score.best for line in lines.values() for score in line.scores)


def test_lines_with_the_same_fit_share_a_column(done: Comparison):
    fit = fit_of(done)
    assert fit.labels == ("exact, random (control)",)
    assert fit.columns == (("0.250 (all 2 alike)", "0.500 (all 2 alike)", "1.000 (all 2 alike)"),)


def test_what_describes_has_no_arrow_no_star_and_no_rank(scored: Callable[..., Comparison]):
    scores = [{"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.5, "b": 2.5, "c": 3.5}]
    comparison = scored(scores, higher_is_better=None)
    table = score_table(comparison)
    assert table.metrics == ("score",)
    assert not any(line.scores[0].best for line in table.lines)
    assert comparison.ranks().empty
    differences = comparison.differences()
    assert (len(differences), differences.wins.notna().sum()) == (3, 0)
    assert "1.250" in render_comparison(comparison)
