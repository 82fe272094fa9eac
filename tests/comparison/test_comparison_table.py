"""What is said of a table whose scores are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalxai import Comparison
from causalxai.comparison.comparison import records
from causalxai.spec.vary import RESERVED

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
    assert not table.duplicated(["seed", "method", "metric", "part"]).any()
    numbers = ["value", "low", "high", "n", "seconds", "answers"]
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
    assert -1e-9 <= row.low <= 0.2 <= row.high <= 0.4 + 1e-9
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
    [(True, {"a": (1.5 + 1 + 1.5) / 3, "b": (3 + 2 + 1.5) / 3, "c": (1.5 + 3) / 2}),
     (False, {"a": (2.5 + 2 + 2.5) / 3, "b": (1 + 1 + 2.5) / 3, "c": (2.5 + 1) / 2})],
)  # fmt: skip
def test_ranks_are_means_over_seeds(
    scored: Scored, higher_is_better: bool, expected: dict[str, float]
):
    ranks = scored(SEEDS, higher_is_better=higher_is_better).ranks()
    assert dict(zip(ranks.method, ranks["rank"], strict=True)) == pytest.approx(expected)
    assert dict(zip(ranks.method, ranks.n, strict=True)) == {"a": 3, "b": 3, "c": 2}


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


def test_the_footing_is_told(scored: Scored):
    comparison = scored([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": None}])
    first, *others = comparison.entries
    (result,) = first.outcome.metrics
    spoken = replace(result, footing="through the generator")
    entry = replace(first, outcome=replace(first.outcome, metrics=(spoken,)))
    told = replace(comparison, entries=(entry, *others))
    assert list(told.table.footing) == ["through the generator", "", "", ""]
    assert one(told.pooled(), method="a").footing == "through the generator"
    assert one(told.pooled(), method="b").footing == ""
