"""What is said of a table whose scores are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalxai import Comparison, Estimate, MetricResult
from causalxai.comparison.page.render import render_comparison
from causalxai.comparison.result import records
from causalxai.comparison.rows import Entry, Outcome
from causalxai.config import load_grid
from causalxai.config.vary import RESERVED

Scored = Callable[..., Comparison]

SEEDS: list[dict[str, float | None]] = [
    {"a": 0.9, "b": 0.5, "c": 0.9},
    {"a": 0.8, "b": 0.6, "c": None},
    {"a": 0.7, "b": 0.7, "c": 0.1},
]


def one(frame: pd.DataFrame, **where: object) -> Any:
    for column, value in where.items():
        frame = frame[frame[column] == value]
    (row,) = frame.itertuples()
    return row


def test_the_table_is_tidy(done: Comparison):
    table = done.table
    assert list(table.columns) == ["seed", "method", *RESERVED]
    assert not table.duplicated(["seed", "method", "metric", "kind", "name"]).any()
    numbers = ["value", "low", "high", "n", "least", "most", "seconds", "answers"]
    assert (table[numbers].dtypes == "float64").all()
    assert table[table.method == "random"].control.all()
    assert not table[table.method != "random"].control.any()


def test_replicates_are_pooled_with_students_interval(scored: Scored):
    pooled = scored(SEEDS).pooled()
    assert list(pooled.method) == ["a", "b", "c"]
    row = one(pooled, method="b")
    assert (row.value, row.n, row.missing, row.interval) == (pytest.approx(0.6), 3, 0, "replicates")
    values = [0.5, 0.6, 0.7]
    interval = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert (row.low, row.high) == pytest.approx(interval)
    assert row.sd == pytest.approx(0.1)


def test_runs_without_a_value_are_counted_and_told(scored: Scored):
    row = one(scored(SEEDS).pooled(), method="c")
    assert (row.value, row.n, row.missing, row.reason) == (pytest.approx(0.5), 2, 1, "broken")
    nothing: list[dict[str, float | None]] = [{"a": 1.0, "b": None}, {"a": 2.0, "b": None}]
    row = one(scored(nothing).pooled(), method="b")
    assert (row.n, row.missing, row.reason) == (0, 2, "broken")
    assert np.isnan(row.value)


def test_a_single_run_keeps_the_interval_of_its_samples(scored: Scored):
    row = one(scored(SEEDS[:1]).pooled(), method="b")
    assert (row.value, row.low, row.high, row.n) == (0.5, -0.5, 1.5, 1)
    assert row.interval == "samples"


def test_intervals_stay_where_the_metric_does(scored: Scored):
    shares: list[dict[str, float | None]] = [{"a": 1.0}, {"a": 0.9}, {"a": 1.0}]
    row = one(scored(shares, value_range=(0.0, 1.0)).pooled())
    assert (row.high, row.interval) == (1.0, "replicates")
    assert 0 < row.low < 0.9
    assert one(scored(shares, value_range=(None, None)).pooled()).high > 1


def test_seeds_that_agree_keep_the_widest_interval_of_their_samples(scored: Scored):
    alike: list[dict[str, float | None]] = [{"a": 2.0}, {"a": 2.0}]
    row = one(scored(alike, reach=0.25).pooled())
    assert (row.value, row.low, row.high, row.interval) == (2.0, 1.75, 2.25, "samples")
    row = one(scored(alike, reach=None).pooled())
    assert (row.value, row.interval) == (2.0, "alike")
    assert np.isnan(row.low)
    row = one(scored(alike, reach=0.0).pooled())
    assert (row.value, row.interval) == (2.0, "alike")
    twice: list[dict[str, float | None]] = [{"a": 2.0, "b": 1.0}, {"a": 3.0, "b": 2.0}]
    row = one(scored(twice).differences())
    assert (row.value, row.n, row.note) == (1.0, 2, "all alike: no interval")


def test_pooling_is_done_once_and_nobody_else_changes_it(scored: Scored):
    comparison = scored(SEEDS)
    pooled = comparison.pooled()
    pooled["value"] = 0
    assert one(comparison.pooled(), method="b").value == pytest.approx(0.6)


def test_the_scores_are_the_means_without_the_fit(done: Comparison):
    assert set(done.scores.metric) == {"best-concept", "distance"}
    pooled = done.pooled()
    expected = pooled[pooled.metric.isin(["best-concept", "distance"])]
    pd.testing.assert_frame_equal(done.scores, expected)


def test_pairs_of_other_data_are_no_replicates(base: dict[str, Any], tmp_path: Path):
    grid = load_grid(
        {
            **base,
            "vary": {"world": {"x": {}, "y": {}}, "seed": [0, 1], "method": {"a": {}, "b": {}}},
        }
    )
    values = {"x": 1.0, "y": 5.0, 0: 0.0, 1: 0.5, "a": 0.0, "b": 0.25}
    entries = []
    for cell in grid.cells:
        world, seed, method = cell.labels.values()
        value = values[world] + values[seed] + values[method] * (1 + int(seed))
        result = MetricResult("score", estimate=Estimate(value))
        entries.append(Entry(cell, Outcome(metrics=(result,))))
    comparison = Comparison(grid.name, grid.axes, tuple(entries), tmp_path)
    apart = comparison.differences(axis="method")
    assert [(row.world, row.n) for row in apart.itertuples()] == [("x", 2), ("y", 2)]
    assert one(comparison.differences(axis="method", over=["world", "seed"])).n == 4
    assert "world: x" in render_comparison(comparison)


def test_any_axis_can_be_pooled(scored: Scored):
    pooled = scored(SEEDS).pooled(over="method")
    assert list(pooled.columns[:2]) == ["seed", "control"]
    assert one(pooled, seed=2).value == pytest.approx(0.5)
    with pytest.raises(ValueError, match="no axis 'methd'; did you mean 'method'"):
        scored(SEEDS).pooled(over="methd")


def test_differences_are_taken_in_pairs(scored: Scored):
    differences = scored(SEEDS).differences()
    assert [(row.first, row.second) for row in differences.itertuples()] == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    row = one(differences, first="a", second="b")
    assert (row.value, row.n, row.note) == (pytest.approx(0.2), 3, "")
    assert row.wins == pytest.approx(2.5 / 3)
    expected = stats.ttest_rel([0.9, 0.8, 0.7], [0.5, 0.6, 0.7]).confidence_interval(0.95)
    assert (row.low, row.high) == pytest.approx(tuple(expected))
    row = one(differences, first="a", second="c")
    assert (row.value, row.n) == (pytest.approx(0.3), 2)


def test_fewer_than_two_pairs_give_no_interval(scored: Scored):
    two: list[dict[str, float | None]] = [
        {"a": 1.0, "b": None, "c": 3.0},
        {"a": None, "b": 1.0, "c": 2.0},
    ]
    differences = scored(two).differences()
    row = one(differences, first="a", second="c")
    assert (row.value, row.n, row.note) == (-2.0, 1, "a single pair: no interval")
    assert pd.isna(row.low)
    row = one(differences, first="a", second="b")
    assert (row.n, row.note) == (0, "no pair of runs has both")
    assert pd.isna(row.value)


@pytest.mark.parametrize(
    ("higher_is_better", "expected"),
    [(True, {"a": (1.5 + 1.5) / 2, "b": (3 + 1.5) / 2, "c": (1.5 + 3) / 2}),
     (False, {"a": (2.5 + 2.5) / 2, "b": (1 + 2.5) / 2, "c": (2.5 + 1) / 2})],
)  # fmt: skip
def test_ranks_are_means_over_seeds(
    scored: Scored, higher_is_better: bool, expected: dict[str, float]
):
    ranks = scored(SEEDS, higher_is_better=higher_is_better).ranks()
    assert dict(zip(ranks.method, ranks["rank"], strict=True)) == pytest.approx(expected)
    # In the second seed c has no value, and nobody is ranked: its rivals' ranks would be lower.
    assert dict(zip(ranks.method, ranks.n, strict=True)) == {"a": 2, "b": 2, "c": 2}


def test_a_run_alone_has_no_rank(scored: Scored):
    alone: list[dict[str, float | None]] = [{"a": 1.0, "b": None}]
    assert scored(alone).ranks().empty


def test_what_is_left_is_told_apart(done: Comparison):
    apart = done.differences(metric="distance", over=[])
    assert list(apart.columns[:2]) == ["seed", "metric"]
    row = one(apart, seed=0, first="exact", second="random")
    assert (row.n, row.wins) == (1, 1.0)
    together = one(done.differences(metric="distance"), first="exact", second="random")
    assert (together.n, together.wins) == (2, 1.0)
    assert together.value == pytest.approx(
        apart[(apart["first"] == "exact") & (apart.second == "random")].value.mean()
    )
    by_seed = done.ranks(over="seed")
    assert one(by_seed, metric="distance", method="exact").rank == 1
    assert one(by_seed, metric="distance", method="random").rank == 2
    assert set(by_seed.metric) == {"best-concept", "distance"}  # a fit has no direction


def test_the_summary_is_plain_json(done: Comparison):
    import json

    summary = done.summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    refused = [row for row in summary["scores"] if row["method"] == "refusing"]
    assert {row["value"] for row in refused} == {None}
    assert [run["status"] for run in summary["runs"]] == ["ok", "ok", "failed"] * 2


def test_records_know_no_nan():
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": [None, True], "c": ["x", None]})
    assert records(frame) == [{"a": 1.0, "b": None, "c": "x"}, {"a": None, "b": True, "c": None}]


def test_translated_explanations_are_told_apart(scored: Scored):
    comparison = scored([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": None}])
    first, *others = comparison.entries
    (result,) = first.outcome.metrics
    spoken = replace(result, translated=True)
    entry = replace(first, outcome=replace(first.outcome, metrics=(spoken,)))
    told = replace(comparison, entries=(entry, *others))
    assert list(told.table.translated) == [True, None, None, None]
    assert one(told.pooled(), method="a").translated is True
    assert one(told.pooled(), method="b").translated is None


def test_a_comparison_is_shown_by_its_folder_and_runs(done: Comparison):
    assert repr(done) == f"Comparison({done.directory}, 6 runs, 2 failed)"
    assert repr(replace(done, entries=done.entries[:1])) == f"Comparison({done.directory}, 1 run)"


def test_a_notebook_shows_the_summary(done: Comparison):
    cell = done._repr_html_()
    assert (done.directory / "summary.html").read_text(encoding="utf-8") in cell
