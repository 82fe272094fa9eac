"""The page of results: every number in it is one of the comparison's, or the paper's."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from causalxai import Comparison, Estimate, MetricResult
from causalxai.comparison.rows import Entry, Outcome
from causalxai.config import load_grid

ROOT = Path(__file__).parents[2]
MINUS = "\N{MINUS SIGN}"
SPEC: dict[str, Any] = {
    "causalxai": 1,
    "name": "invented",
    "dataset": "digits",
    "classifier": "lenet",
    "method": "interventional",
    "images": {"count": 17},
    "metrics": ["deletion", "insertion"],
    "vary": {
        "method": {
            "ours": {},
            "theirs": {"explain": "saliency"},
            "broken": {"explain": "occlusion"},
            "noise": {"explain": "random", "control": True},
        }
    },
}
VALUES = {"ours": 0.125, "theirs": 0.25, "noise": 0.5}


@pytest.fixture(scope="module")
def results() -> Iterator[Any]:
    """The script, as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module("results")
    for name in ("results", "_papers"):
        sys.modules.pop(name, None)


def outcome(label: str) -> Outcome:
    if label == "broken":
        return Outcome("out of order")
    value = VALUES[label]
    deletion = MetricResult(
        "deletion",
        estimate=Estimate(value, value - 0.0625, value + 0.0625, n=17),
        chance=Estimate(0.75),
        controls={"black": Estimate(0.875)},
        parts={"other map": Estimate(-value)},
        higher_is_better=False,
        translated=label == "ours",
    )
    insertion = MetricResult("insertion", "skipped", reason="nothing to insert")
    return Outcome(metrics=(deletion, insertion))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    grid = load_grid(SPEC)
    entries = tuple(Entry(cell, outcome(str(cell.labels["method"]))) for cell in grid.cells)
    return Comparison(grid.name, grid.axes, entries, tmp_path_factory.mktemp("comparison"))


def page(results: Any, comparison: Comparison, **published: Any) -> str:
    told = replace(results.Published("Invented", "nowhere"), **published)
    text: str = results.Page(comparison, told, ("--set images.count=17", "--sanity")).text()
    return text


def table(text: str, head: str) -> dict[str, list[str]]:
    """Return the first table with a heading, its cells by their row's label."""
    lines = text[text.index(head) :].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows}


def test_scores_stand_with_interval_chance_controls_and_translation(
    results: Any, comparison: Comparison
):
    text = page(results, comparison, parts=("deletion: other map",), lesson="It says this.")
    rows = table(text, "| method | deletion ↓ | insertion ↑ | deletion: other map |")
    assert rows["ours"][0] == "0.125† [0.062, 0.188] (0.750; black 0.875)"
    assert rows["theirs"][0] == "0.250 [0.188, 0.312] (0.750; black 0.875)"
    assert rows["noise (control)"][1:3] == ["none", f"{MINUS}0.500"]
    assert rows["broken"][:2] == ["none", "none"]
    assert "17 explained images, 1 seed" in text
    command = "causalxai compare specs/paper/invented.yaml --set images.count=17 --sanity"
    assert f"`{command}`" in text
    assert "- broken (deletion); broken (insertion): out of order" in text
    assert "theirs (insertion); noise (insertion): nothing to insert" in text
    assert text.endswith("\n\nIt says this.")


def test_the_papers_numbers_stand_beside_those_of_their_labels(
    results: Any, comparison: Comparison
):
    scores = {
        "deletion": {("OURS",): 0.011, ("elsewhere",): 0.022},
        "deletion: other map": {("theirs",): 0.033},
    }
    text = page(results, comparison, scores=scores)
    own = table(text, "| method | deletion ↓ | 95 % | chance | paper | translated |")
    assert own["ours"] == ["0.125", "[0.062, 0.188]", "0.750", "0.011", "yes"]
    assert own["theirs"][3:] == ["", "no"]
    assert "In the paper alone: elsewhere 0.022." in text
    parts = table(text, "| method | deletion: other map | paper |")
    assert parts["broken"][0] == "none"
    assert parts["theirs"] == [f"{MINUS}0.250", "0.033", "no"]


def test_a_section_is_replaced_and_others_stay(results: Any, tmp_path: Path):
    path = tmp_path / "docs" / "results.md"
    results.write(path, {"glance-table2": "second, 2.", "mine": "our own"})
    results.write(path, {"glance-table1": "first, 1.\n\nAgain"})
    first = path.read_text()
    assert first.index("first, 1.\n\nAgain") < first.index("second, 2.") < first.index("our own")
    results.write(path, {"glance-table2": "changed"})
    second = path.read_text()
    assert second == first.replace("second, 2.", "changed")


def test_the_tables_of_glance_are_specs_that_measure_their_columns(results: Any):
    for path in sorted((ROOT / "specs" / "paper").glob("glance-table*.yaml")):
        grid = load_grid(path)
        metrics = {part.provenance.name for cell in grid.cells for part in cell.spec.metrics}
        published = results.PAPERS[path.stem]
        wanted = {column.split(": ")[0] for column in [*published.scores, *published.parts]}
        assert wanted <= metrics, path
        labels = {str(label).lower() for axis in grid.axes for label in axis.labels}
        said = {label.lower() for one in published.scores.values() for k in one for label in k}
        assert said <= labels


def test_only_knows_what_there_is(results: Any):
    with pytest.raises(SystemExit, match=r"no such comparison: glance-tabel1 .there are: .*table1"):
        results._specs((), ["glance-tabel1"])
    chosen = results._specs((), ["glance-table1"])
    assert [path.stem for path in chosen] == ["glance-table1"]
