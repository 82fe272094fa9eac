from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causalxai.config import load_grid, load_spec
from causalxai.errors import SpecError

Spec = dict[str, Any]
Write = Callable[[str], str]

LABELS = st.lists(
    st.from_regex(r"[a-z0-9 .]{1,4}", fullmatch=True), min_size=1, max_size=3, unique=True
)


def told(source: Any, *overrides: str) -> list[str]:
    with pytest.raises(SpecError) as raised:
        load_grid(source, overrides)
    return str(raised.value).split("\n")


def config(spec: Any, stage: str) -> dict[str, Any]:
    return dict(getattr(spec, stage).config.model_dump())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), LABELS, max_size=3))
def test_a_grid_is_the_product_of_its_axes_in_their_order(
    minimal: Spec, axes: dict[str, list[str]]
) -> None:
    vary = {axis: dict.fromkeys(labels) for axis, labels in axes.items()}
    grid = load_grid({**minimal, "vary": vary})
    assert [axis.name for axis in grid.axes] == list(axes)
    assert [axis.labels for axis in grid.axes] == [tuple(labels) for labels in axes.values()]
    found = [tuple(cell.labels.values()) for cell in grid.cells]
    assert found == list(product(*axes.values()))
    assert all(list(cell.labels) == list(axes) for cell in grid.cells)


def test_a_spec_without_axes_is_a_grid_of_itself(minimal: Spec) -> None:
    grid = load_grid(minimal)
    (cell,) = grid.cells
    assert (grid.name, grid.axes, dict(cell.labels)) == ("test", (), {})
    assert cell.spec == load_spec(minimal)


def test_the_command_line_sets_all_runs_and_the_axes_come_after(minimal: Spec) -> None:
    minimal["vary"] = {"epochs": {"few": {"classifier.epochs": 1}, "default": {}}}
    few, default = load_grid(minimal, ["classifier.epochs=7", "seed=5"]).cells
    assert (config(few.spec, "classifier")["epochs"], few.spec.seed) == (1, 5)
    assert (config(default.spec, "classifier")["epochs"], default.spec.seed) == (7, 5)
    grid = load_grid(minimal, ["vary.seed=[8, 9]"])
    assert [cell.spec.seed for cell in grid.cells] == [8, 9, 8, 9]


def test_names_have_the_labels_in_them(minimal: Spec) -> None:
    vary = {"seed": [0], "task": {"3 vs. 8 (hard)": {}, "ü": {}, "named": {"name": "mine"}}}
    names = [cell.spec.name for cell in load_grid({**minimal, "vary": vary}).cells]
    assert names == ["test-0-3-vs.-8-hard", "test-0", "mine-0-named"]


def test_a_grid_can_be_written_and_read(minimal: Spec, write: Write) -> None:
    minimal["dataset"] = {"use": "folder", "path": Path("there")}
    vary = {"seed": [0, 1], "m": {"b": {"graph.threshold": 2.0}, "a": {"control": True}}}
    grid = load_grid({**minimal, "vary": vary}, ["classifier.epochs=3"])
    again = load_grid(write(grid.to_yaml()))
    assert again.cells == grid.cells
    assert [axis.labels for axis in again.axes] == [axis.labels for axis in grid.axes]


def test_mistakes_are_told_once_with_their_lines_and_runs(write: Write) -> None:
    path = write("""
        causalxai: 1
        name: grid
        dataset: digits
        classifier: {use: lenet, epochs: 0}
        method: interventional
        vary:
          sed: [0, 1]
          seed: [0, -1]
          size:
            small: {classifier: {epoch: 2}}
            large:
              graph.treshold: 3
          data:
            digits: {}
            folder: {dataset: folder}
        """)
    lines = told(path)
    assert [line.split(": ")[:2] for line in lines] == [
        ["spec.yaml:4", "classifier.epochs"],
        ["spec.yaml:7", "sed"],
        ["spec.yaml:8", "seed"],
        ["spec.yaml:10", "classifier.epoch"],
        ["spec.yaml:12", "graph.treshold"],
        ["spec.yaml:15", "dataset.path"],
    ]
    assert lines[0].endswith("should be at least 1, not 0")
    assert "did you mean 'seed'?" in lines[1]
    assert lines[2].endswith("should be at least 0, not -1 (in seed: -1)")
    assert "did you mean 'epochs'?" in lines[3]
    assert lines[3].endswith("(in size: small)")
    assert lines[4].endswith("(in size: large)")
    assert lines[5].endswith("is missing (in data: folder)")


def test_a_mistake_of_some_combinations_names_one_of_them(minimal: Spec) -> None:
    wrong = {"seed": -1}
    vary = {"a": {"one": wrong, "two": {}}, "b": {"first": {}, "second": wrong}}
    problem = "spec: seed: should be at least 0, not -1"
    assert told({**minimal, "vary": vary}) == [f"{problem} (in a: one, b: first, and 2 more)"]


def test_the_name_of_a_run_stays_short_enough_for_a_folder(minimal: Spec) -> None:
    labels = {"x" * 300: {"seed": 1}, "x" * 301: {"seed": 2}}
    grid = load_grid({**minimal, "vary": {"m": labels}})
    assert [cell.spec.name for cell in grid.cells] == ["test-" + "x" * 195] * 2


def test_several_specs_are_an_axis(minimal: Spec, write: Write) -> None:
    path = write("""
        causalxai: 1
        name: other
        seed: 4
        dataset: {use: folder, path: here}
        classifier: lenet
        method: interventional
        """)
    grid = load_grid([minimal, path], ["classifier.epochs=9"])
    assert grid.name == "test-and-1-more"
    assert [axis.labels for axis in grid.axes] == [("test", "other")]
    assert [dict(cell.labels) for cell in grid.cells] == [{"spec": "test"}, {"spec": "other"}]
    for cell, source in zip(grid.cells, (minimal, path), strict=True):
        alone = load_spec(source, ["classifier.epochs=9"])
        assert cell.spec == alone
    assert load_grid(write(grid.to_yaml())).cells == grid.cells


def test_mistakes_in_several_specs_stand_where_they_are(minimal: Spec, write: Write) -> None:
    path = write(
        "causalxai: 1\nname: other\ndataset: digts\nclassifier: lenet\nmethod: interventional\n"
    )
    (line,) = told([minimal, path])
    assert line.startswith("spec.yaml:3: dataset.use: there is no dataset 'digts'; did you mean")
    assert line.endswith("(in spec: other)")
    (line,) = told([minimal, {**minimal}])
    assert (
        line == "spec: vary.spec.test.name: another spec is called 'test', too; "
        "give the specs different names"
    )
    with pytest.raises(ValueError, match="nothing to compare"):
        load_grid([])
