from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "compare_methods.py"


def test_the_example_prints_the_scores_and_where_the_page_is(
    base: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    main = runpy.run_path(str(EXAMPLE))["main"]
    main({**base, "vary": {"method": {"exact": {}, "random": {"explain": "random"}}}}, tmp_path)
    *table, page = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["metric", "best-concept", "distance"]
    assert [line.split()[0] for line in table[1:]] == ["method", "exact", "random"]
    assert Path(page).is_file()


def test_the_example_shows_means_over_seeds(
    base: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    main = runpy.run_path(str(EXAMPLE))["main"]
    method = {"exact": {}, "random": {"explain": "random"}}
    main({**base, "vary": {"method": method, "seed": [0, 1]}}, tmp_path)
    *table, page = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table[1:]] == ["method", "exact", "random"]
    assert Path(page).is_file()


@pytest.mark.parametrize("vary", [{}, {"vary": {"seed": [0, 1]}}])
def test_the_example_shows_a_spec_that_varies_nothing_but_seeds(
    vary: dict[str, Any], base: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    main = runpy.run_path(str(EXAMPLE))["main"]
    main({**base, **vary}, tmp_path)
    *table, page = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table] == ["metric", "best-concept", "distance"]
    assert all(float(line.split()[1]) >= 0 for line in table[1:])
    assert Path(page).is_file()


def test_the_example_is_short_and_compares_the_quickstart():
    source = EXAMPLE.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 25
    assert runpy.run_path(str(EXAMPLE))["SPEC"].name == "quickstart.yaml"
