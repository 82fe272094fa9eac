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


def test_a_list_sets_the_key_of_its_name(minimal: Spec) -> None:
    grid = load_grid({**minimal, "vary": {"seed": [3, 1], "classifier.augment": [True, False]}})
    assert [cell.spec.seed for cell in grid.cells] == [3, 3, 1, 1]
    augment = [config(cell.spec, "classifier")["augment"] for cell in grid.cells]
    assert augment == [True, False, True, False]
    assert grid.cells[0].labels == {"seed": 3, "classifier.augment": "true"}


def test_labels_merge_their_overrides(minimal: Spec) -> None:
    minimal["classifier"] = {"use": "lenet", "epochs": 2, "schedule": {"kind": "step", "warmup": 1}}
    vary = {
        "training": {
            "short": {"classifier.epochs": 1},
            "warm": {"classifier": {"schedule": {"warmup": 9}}, "graph.threshold": 0.5},
            "as it is": None,
            "same plugin": {"classifier": "lenet"},
        }
    }
    specs = {
        cell.labels["training"]: cell.spec for cell in load_grid({**minimal, "vary": vary}).cells
    }
    told = {label: config(spec, "classifier") for label, spec in specs.items()}
    assert told["short"]["epochs"] == 1
    assert told["short"]["schedule"] == {"kind": "step", "warmup": 1}
    assert told["warm"]["schedule"] == {"kind": "step", "warmup": 9}
    assert told["warm"]["epochs"] == 2
    assert config(specs["warm"], "graph")["threshold"] == 0.5
    assert told["as it is"] == told["same plugin"] == config(load_spec(minimal), "classifier")


@pytest.mark.parametrize(
    "overrides",
    [
        {"dataset": {"use": "folder", "path": "x"}},
        {"dataset": {"path": "x", "use": "folder"}},
        {"dataset.path": "x", "dataset.use": "folder"},
        {"dataset": "folder", "dataset.path": "x"},
    ],
)
def test_another_plugin_takes_over_none_of_the_settings(minimal: Spec, overrides: Spec) -> None:
    minimal["dataset"] = {"use": "digits"}
    minimal["classifier"] = {"use": "lenet", "epochs": 2}
    (cell,) = load_grid({**minimal, "vary": {"data": {"mine": overrides}}}).cells
    assert cell.spec.dataset.provenance.name == "folder"
    assert config(cell.spec, "dataset")["path"] == Path("x")
    back = {"use": "folder", "path": "x", "label": "y"}
    vary = {"data": {"digits": {"dataset": "digits"}}}
    (cell,) = load_grid({**minimal, "dataset": back, "vary": vary}).cells
    assert cell.spec.dataset.provenance.name == "digits"


def test_nested_keys_may_have_dots(minimal: Spec) -> None:
    vary = {"weights": {"some": {"concepts": {"weights": {"layer1.conv": 0.25}}}}}
    (cell,) = load_grid({**minimal, "vary": vary}).cells
    assert config(cell.spec, "concepts")["weights"] == {"conv1": 0.5, "layer1.conv": 0.25}


def test_metrics_are_counted_or_replaced(minimal: Spec) -> None:
    minimal["metrics"] = ["deletion", {"use": "insertion", "steps": 5}]
    vary = {"m": {"one": {"metrics.0.steps": 3}, "two": {"metrics": ["insertion"]}}}
    one, two = (cell.spec.metrics for cell in load_grid({**minimal, "vary": vary}).cells)
    assert [metric.config.model_dump()["steps"] for metric in one] == [3, 5]
    assert [metric.provenance.name for metric in two] == ["insertion"]


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


def test_controls_are_marked(minimal: Spec) -> None:
    vary = {"seed": [0, 1], "method": {"mine": {}, "random": {"control": True, "seed": 7}}}
    grid = load_grid({**minimal, "vary": vary})
    assert [cell.control for cell in grid.cells] == [False, True, False, True]
    assert [axis.controls for axis in grid.axes] == [frozenset(), {"random"}]
    assert [cell.spec.seed for cell in grid.cells] == [0, 7, 1, 7]


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


@pytest.mark.parametrize(
    ("vary", "problem"),
    [
        ([0], "vary: should be a mapping of axes, not a list"),
        (
            {"seed": 3},
            "vary.seed: should be a list of values, or a mapping from labels to what they "
            "override, not 3",
        ),
        (
            {"seed": []},
            "vary.seed: should be a list of values, or a mapping from labels to what they "
            "override, not an empty list",
        ),
        ({"value": [1]}, "vary.value: is a column of the table; call the axis not 'value'"),
        ({"seed": [1, "1"]}, "vary.seed.1: is there twice"),
        (
            {"dataset": [{"use": "digits"}]},
            "vary.dataset.0: should be a number, text, true or false, not a mapping; give it a "
            "label: write a mapping from labels to what they override",
        ),
        ({"m": {"a": "x"}}, "vary.m.a: should be a mapping of keys to override, not 'x'"),
        ({"m": {"a": {"control": 1}}}, "vary.m.a.control: should be true or false, not 1"),
        (
            {"m": {"a": {"vary": {"seed": [0]}}}},
            "vary.m.a.vary: what is varied cannot itself stand for several runs",
        ),
    ],
)
def test_what_is_no_axis(minimal: Spec, vary: Any, problem: str) -> None:
    assert told({**minimal, "vary": vary}) == [f"spec: {problem}"]


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
        line
        == "spec: vary.spec.test.name: another spec is called 'test', too; --set or name them apart"
    )
    with pytest.raises(ValueError, match="nothing to compare"):
        load_grid([])
