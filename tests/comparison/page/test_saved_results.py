from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from causalxai import Comparison
from causalxai.comparison.page.saved_results import saved_results


def test_what_runs_left_is_read_where_it_lies(done: Comparison):
    shown = saved_results(done)
    # Of two seeds the first; the one that failed left nothing.
    assert [(one.label, one.control) for one in shown] == [("exact", False), ("random", True)]
    first = next(entry for entry in done.entries if entry.outcome.directory is not None)
    assert first.outcome.directory is not None
    left = json.loads((first.outcome.directory / "graph.json").read_text(encoding="utf-8"))
    assert list(shown[0].graph.nodes) == [node["id"] for node in left["nodes"]]
    assert torch.equal(shown[0].explanation.images, shown[1].explanation.images)


def test_files_that_are_gone_are_told_of(
    runs: Path, done: Comparison, caplog: pytest.LogCaptureFixture
):
    entries = tuple(
        replace(entry, outcome=replace(entry.outcome, directory=runs / "gone"))
        for entry in done.entries
    )
    assert saved_results(replace(done, entries=entries)) == []
    assert "nothing of this run is shown" in caplog.text
