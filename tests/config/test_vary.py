from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from causalxai.config import load_grid, load_spec
from causalxai.errors import SpecError

Spec = dict[str, Any]


def told(source: Any, *overrides: str) -> list[str]:
    with pytest.raises(SpecError) as raised:
        load_grid(source, overrides)
    return str(raised.value).split("\n")


def config(spec: Any, stage: str) -> dict[str, Any]:
    return dict(getattr(spec, stage).config.model_dump())


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


def test_controls_are_marked(minimal: Spec) -> None:
    vary = {"seed": [0, 1], "method": {"mine": {}, "random": {"control": True, "seed": 7}}}
    grid = load_grid({**minimal, "vary": vary})
    assert [cell.control for cell in grid.cells] == [False, True, False, True]
    assert [axis.controls for axis in grid.axes] == [frozenset(), {"random"}]
    assert [cell.spec.seed for cell in grid.cells] == [0, 7, 1, 7]


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
        ({"value": [1]}, "vary.value: is a column of the table; choose another name"),
        ({"seed": [1, "1"]}, "vary.seed.1: occurs twice"),
        (
            {"dataset": [{"use": "digits"}]},
            "vary.dataset.0: should be a number, text, true or false, not a mapping; give it a "
            "label: write a mapping from labels to what they override",
        ),
        ({"m": {"a": "x"}}, "vary.m.a: should be a mapping of keys to override, not 'x'"),
        ({"m": {"a": {"control": 1}}}, "vary.m.a.control: should be true or false, not 1"),
        (
            {"m": {"a": {"vary": {"seed": [0]}}}},
            "vary.m.a.vary: an override cannot vary anything itself",
        ),
        (
            {"m": {"a": {"vary.seed": [0]}}},
            "vary.m.a.vary.seed: an override cannot vary anything itself",
        ),
        ({"vary": [1, 2]}, "vary.vary: an axis cannot vary 'vary' itself"),
        ({"vary.seed": [1, 2]}, "vary.vary.seed: an axis cannot vary 'vary' itself"),
    ],
)
def test_what_is_no_axis(minimal: Spec, vary: Any, problem: str) -> None:
    assert told({**minimal, "vary": vary}) == [f"spec: {problem}"]
