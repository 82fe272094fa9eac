"""Sanity, asked by a comparison or by its spec."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from causalxai import Comparison, compare
from causalxai.comparison.page.render import render_comparison
from causalxai.config import load_grid, load_spec
from causalxai.metrics.sanity import Sanity

Spec = dict[str, Any]
Score = Callable[..., pd.Series]


def test_sanity_is_asked_of_all_but_controls(
    score: Score, done: Comparison, runs: Path, grid_spec: Spec
):
    doubted = compare(grid_spec, out=runs, jobs=1, sanity=True)
    table = doubted.table[doubted.table.metric == "sanity"]
    assert set(table.method) == {"exact", "refusing"}
    row = score(doubted, seed=0, method="exact", metric="sanity")
    assert (row.status, row.translated) == ("ok", False)
    assert 0 < row.value <= row.most
    again = score(doubted, "control", "same weights", seed=0, method="exact", metric="sanity")
    assert again.value == 0
    computed = {stage for entry in doubted.entries for stage in entry.outcome.computed}
    assert computed == {"metrics.sanity", "report"}
    assert "sanity" not in set(done.table.metric)
    assert doubted.reading_notes == (Sanity.reading_note,)
    assert Sanity.reading_note in html.unescape(render_comparison(doubted))
    assert done.reading_notes == ()
    assert Sanity.reading_note not in html.unescape(render_comparison(done))


def test_the_comparisons_spec_says_that_sanity_was_asked(base: Spec, tmp_path: Path):
    vary = {"method": {"exact": {}, "random": {"explain": "random", "control": True}}}
    asked = compare({**base, "vary": vary}, out=tmp_path, jobs=1, sanity=True)
    written = load_grid(asked.directory / "spec.yaml")
    assert written.cells == tuple(entry.cell for entry in asked.entries)
    metrics = [[part.provenance.name for part in cell.spec.metrics] for cell in written.cells]
    assert metrics == [["best-concept", "distance", "sanity"], ["best-concept", "distance"]]
    again = compare(asked.directory / "spec.yaml", out=tmp_path, jobs=1)
    assert not any(entry.outcome.computed for entry in again.entries)
    assert again.directory == asked.directory


def test_a_spec_that_asks_for_sanity_is_a_run_with_the_metric(base: Spec):
    names = [part.provenance.name for part in load_spec({**base, "sanity": True}).metrics]
    assert names == ["best-concept", "distance", "sanity"]


def test_sanity_that_the_spec_asks_for_is_not_asked_twice(score: Score, base: Spec, tmp_path: Path):
    asked = {**base, "metrics": [{"use": "sanity", "images": 3}]}
    comparison = compare(asked, out=tmp_path, jobs=1, sanity=True)
    assert score(comparison, metric="sanity").n == 3
