"""The page of all speeds, on small made-up lines, and the runs of the benchmarks."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("performance", "_page", "_page_sections", "_power_law", "_timing")

MACHINE = {
    "benchmark": "machine", "cpu": "A Processor", "cores": 2, "accelerator": None,
    "python": "3.11.1", "torch": "2.13.0", "date": "2030-01-02",
}  # fmt: skip
ORACLE = {
    "benchmark": "oracle", "case": "a-net, sweep, 1 image", "edits": 100, "edits_of": 20000,
    "layers": 3, "layers_of": 9, "ratio_vs_naive": 2.5, "ratio_vs_captum": None, "limit": 10.0,
    "share_of_limit": 0.25, "limit_in_batches": 12.0, "max_abs_diff": 1e-7, "median_effect": 0.02,
    "seconds": 1.25, "setup_seconds": 0.1, "goal": 4.0, "goal_share": 0.8, "met": False,
    "slowest_layer": "conv7", "profile": [["aten::mm", 0.75], ["aten::add", 0.2]],
}  # fmt: skip
GROWTH = {
    "benchmark": "growth", "case": "images", "exponent": 0.98, "standard_error": 0.03,
    "naive_exponent": 1.0, "naive_standard_error": 0.01, "at": [1, 2, 4],
    "seconds": [0.1, 0.2, 0.4], "naive_seconds": [1.0, 2.0, 4.0], "conditions": "one thread",
}  # fmt: skip
TOOK = {"benchmark": "took", "of": "oracle", "seconds": 90.0, "date": "2030-01-02"}


@pytest.fixture(scope="module")
def module() -> Iterator[Callable[[str], ModuleType]]:
    """Import the benchmark's modules by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def text(module) -> str:
    lines = [MACHINE, GROWTH, ORACLE, {**ORACLE, "case": "b-net", "met": True}, TOOK]
    return module("_page").page(lines, module("_page_sections").SECTIONS)


def test_the_machine_and_the_count_of_goals_stand_at_the_top(text):
    assert "2030-01-02 on A Processor, 2 cores, with PyTorch 2.13.0 and Python 3.11.1" in text
    assert "1 of 2 goals are reached" in text
    assert "oracle 1.5 minutes (2030-01-02)" in text


def test_a_figure_stands_beside_its_other_side_its_goal_and_its_limit(module, text):
    heads, _, row, *_ = [line for line in text.splitlines() if line.startswith("|")]
    cells = dict(zip(cells_of(heads), cells_of(row), strict=True))
    assert cells["case"] == "a-net, sweep, 1 image"
    assert cells["edits"] == "100 of 20 000" and cells["layers"] == "3 of 9"
    assert cells["naive / ours"] == "2.5" and cells["limit"] == "10"
    assert cells["goal"] == "4 and 80% of the limit" and cells["reached"] == "no"
    assert cells["share of limit"] == "25%" and cells["limit in batches"] == "12"
    # No line has a figure of captum.
    assert "captum / ours" not in cells


def cells_of(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split(" | ")]


def test_what_falls_short_is_told_with_its_profile(text):
    said = " ".join(text.split())
    assert (
        "- a-net, sweep, 1 image: 2.5 where 4 and 80% of the limit was asked for. The limit by "
        "arithmetic is 10, and 25.0% of it is reached; the layer with the largest part of the time "
        "is conv7. The time is spent in `aten::mm` 75%, `aten::add` 20%."
    ) in said
    assert "- b-net" not in text


def test_a_goal_beyond_the_limit_is_told(module):
    beyond = {**ORACLE, "limit": 3.0}
    text = module("_page").page([beyond], module("_page_sections").SECTIONS)
    assert "The limit by arithmetic is 3, which is itself below the goal" in " ".join(text.split())


def test_lines_of_no_section_and_failures_are_not_lost(module):
    lines = [
        {"benchmark": "of a stranger", "speed": 12345.6, "fine": True},
        {"benchmark": "growth", "failed": "ended with the status 1"},
    ]
    text = module("_page").page(lines, module("_page_sections").SECTIONS)
    assert "| speed | fine |" in text and "| 12 346 | yes |" in text
    assert "- growth: ended with the status 1" in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""), (True, "yes"), (0.0123456, "0.0123"), (401408, "401 408"), (1234, "1234"),
        (123456.7, "123 457"), ([1, 2.5], "1, 2.5"), ("a | b", "a \\| b"), (-20000, "-20 000"),
    ],
)  # fmt: skip
def test_values_are_written(module, value, expected):
    assert module("_page").written(value) == expected


def test_lines_of_what_was_not_run_again_stay(module):
    merged = module("performance").merged
    new = [{**MACHINE, "date": "2031-01-01"}, {**GROWTH, "exponent": 2.0}]
    assert merged([MACHINE, ORACLE, GROWTH, TOOK], new) == [new[0], ORACLE, TOOK, new[1]]


def test_a_benchmark_is_run_and_its_failure_told(module, tmp_path, monkeypatch):
    performance = module("performance")
    monkeypatch.setattr(performance, "ROOT", tmp_path)
    (tmp_path / "benchmarks").mkdir()
    script = 'import sys; print(\'{"speed": 1}\'); print("a table"); sys.exit(3)'
    (tmp_path / "benchmarks" / "some.py").write_text(script)
    some = performance.Benchmark("some", "some.py", minutes=1)
    assert list(performance.run(some, quick=False)) == [
        {"speed": 1, "benchmark": "some"},
        {"benchmark": "some", "failed": "ended with the status 3"},
    ]


def test_a_benchmark_that_does_not_end_is_ended(module, tmp_path, monkeypatch):
    performance = module("performance")
    monkeypatch.setattr(performance, "ROOT", tmp_path)
    (tmp_path / "benchmarks").mkdir()
    script = "import time; print('{}', flush=True); time.sleep(600)"
    (tmp_path / "benchmarks" / "some.py").write_text(script)
    some = performance.Benchmark("some", "some.py", minutes=1 / 60)
    *lines, last = performance.run(some, quick=False)
    assert all(line == {"benchmark": "some"} for line in lines)
    assert last["failed"].startswith("did not end within")


def test_all_benchmarks_end_within_25_minutes(module):
    performance = module("performance")
    assert performance.longest(performance.BENCHMARKS) <= 25
    for benchmark in performance.BENCHMARKS:
        assert (ROOT / "benchmarks" / benchmark.script).exists()


def test_two_benchmarks_run_side_by_side_and_others_alone(module):
    performance = module("performance")
    some = [performance.Benchmark("", "", minutes=minutes) for minutes in (5, 2, 2, 3)]
    alone = performance.Benchmark("", "", minutes=4, alone=True)
    # The second lane has 2 + 2 + 3 minutes.
    assert performance.longest([alone, *some]) == 4 + 7


def test_lines_come_in_the_order_of_the_benchmarks(module, monkeypatch):
    performance = module("performance")
    monkeypatch.setattr(performance, "measure", lambda one, quick: [{"benchmark": one.name}])
    some = [
        performance.Benchmark(name, "", minutes=1, alone=alone)
        for name, alone in (("a", True), ("b", False), ("c", False))
    ]
    names = [line["benchmark"] for line in performance.measure_all(some, quick=True)]
    assert names == ["a", "b", "c"]


def test_a_training_has_two_goals_at_64_pixels(module):
    line = {
        "benchmark": "training", "case": "twin-64px", "images": 16, "ratio_vs_stylegan2": 2.5,
        "share_of_limit": 0.55, "seconds": 1.0, "stylegan2_seconds": 2.5, "threads": 1,
        "gflop_per_second": 30.0, "convolutions_gflop_per_second": 60.0,
        "profile": ["aten::mm 40.0%", "aten::add 9.0%"],
    }  # fmt: skip
    lines = [line, {**line, "case": "twin-32px"}]
    text = module("_page").page(lines, module("_page_sections").SECTIONS)
    assert "1 of 2 goals are reached" in text
    assert (
        "- twin-64px: 2.5 times and 55% of the convolutions' speed, where 2 and 60% were asked "
        "for. The time is spent in aten::mm 40.0%, aten::add 9.0%."
    ) in " ".join(text.split())


def test_growth_with_concepts_is_fitted_for_each_method(module):
    def line(concepts: int, method: str, **figures: object) -> dict[str, object]:
        scenario = f"growth-{concepts}"
        return {"benchmark": "graph_discovery", "scenario": scenario, "method": method, **figures}

    lines = [line(d, "mdl-links", seconds=d**2 / 2, index=1.0, n=5000) for d in (4, 10, 20)]
    lines += [line(4, "slow", seconds=1.0), line(10, "slow", skipped="not done after 9 s")]
    (fit,) = module("performance").growth_with_concepts(lines)
    assert fit["case"] == "mdl-links" and fit["exponent"] == 2.0 and fit["at"] == [4, 10, 20]
    text = module("_page").page([*lines, fit], module("_page_sections").SECTIONS)
    # 8 seconds of 30, and 50 of 60.
    assert "2 of 2 goals are reached" in text
    assert "| mdl-links | 4, 10, 20 | 2.0 ± 0.0 | 8, 50, 200 |" in text
    assert "not done after 9 s" in text


def test_a_comparison_may_add_little_and_must_gain_by_jobs(module):
    serial = {
        "benchmark": "comparison", "spec": "a.yaml", "jobs": 1, "seconds": 110.0, "stages": 100.0,
        "added": 0.1,
    }  # fmt: skip
    parallel = {**serial, "jobs": 2, "seconds": 60.0, "added": None, "times as fast": 1.83}
    text = module("_page").page([serial, parallel], module("_page_sections").SECTIONS)
    assert "1 of 2 goals are reached" in text
    assert (
        "- a.yaml with 1 at a time: 10.0%, where 5% added was asked for. The stages alone take 100 "
        "of 110 seconds."
    ) in " ".join(text.split())


def test_a_stage_above_its_limit_falls_short(module):
    line = {"benchmark": "memory", "run": "a-run", "stage": "graph", "peak_mb": 130.0}
    lines = [{**line, "limit_mb": 100, "keeps": False}, {**line, "limit_mb": 200, "keeps": True}]
    text = module("_page").page(lines, module("_page_sections").SECTIONS)
    assert "1 of 2 goals are reached" in text
    assert "- graph of a-run takes 130 MiB, where 100 are allowed." in text


def test_the_page_is_the_one_of_its_lines(module):
    page, sections = module("_page"), module("_page_sections")
    lines = page.read_lines(ROOT / "docs" / "performance.jsonl")
    if lines:
        written = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
        assert written == page.page(lines, sections.SECTIONS)
