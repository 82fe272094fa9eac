from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from causalxai import Comparison, compare
from causalxai.comparison.page.render import render_comparison
from causalxai.comparison.page.saved_results import SavedResult, saved_results
from causalxai.comparison.writing import write_comparison

Spec = dict[str, Any]


def test_the_figures_are_written_even_if_the_page_fails(
    done: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("causalxai.comparison.writing.render_summary", broken)
    with pytest.raises(ZeroDivisionError):
        write_comparison(done, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "comparison.csv",
        "comparison.json",
        "spec.yaml",
    }


def test_what_the_pages_have_in_common_is_read_once(
    done: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    read = []

    def counted(comparison: Comparison) -> list[SavedResult]:
        read.append(comparison)
        return saved_results(comparison)

    monkeypatch.setattr("causalxai.comparison.page.render.saved_results", counted)
    page = write_comparison(done, tmp_path)
    assert len(read) == 1
    assert page.read_text(encoding="utf-8") == render_comparison(done, tmp_path)
    assert len(read) == 2


def test_reports_that_are_gone_are_written_again(done: Comparison, runs: Path, grid_spec: Spec):
    for directory in runs.glob("toy-*"):
        shutil.rmtree(directory)
    again = compare(grid_spec, out=runs, jobs=1)
    assert (again.directory / "comparison.html").is_file()
    written = [entry.outcome.directory for entry in again.entries if not entry.outcome.reason]
    assert len(written) == 4
    assert all(directory and (directory / "report.html").is_file() for directory in written)
