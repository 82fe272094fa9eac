from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai.config.document import read_document
from causalxai.config.mistake import KeyPath, Place
from causalxai.config.overrides import apply_overrides

KEYS = st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
SPECS = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3)
            | st.dictionaries(KEYS, inner, min_size=1, max_size=3)
        ),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


def overridden(data: dict[str, Any], *overrides: str) -> Any:
    document = apply_overrides(read_document(data), overrides)
    assert document.mistakes == ()
    return document.data


def leaf_paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    if isinstance(value, dict):
        return [leaf for key in value for leaf in leaf_paths(value[key], (*path, key))]
    if isinstance(value, list):
        return [leaf for i, item in enumerate(value) for leaf in leaf_paths(item, (*path, i))]
    return [path]


def at(value: Any, path: KeyPath) -> Any:
    for key in path:
        value = value[key]
    return value


@given(SPECS, LEAVES, st.data())
def test_any_leaf_that_is_set_can_be_read(
    data: dict[str, Any], value: Any, choice: st.DataObject
) -> None:
    path = choice.draw(st.sampled_from(leaf_paths(data)))
    in_yaml = {float("inf"): ".inf", float("-inf"): "-.inf"}.get(
        value, json.dumps(value, ensure_ascii=False)
    )
    after = overridden(data, f"{'.'.join(map(str, path))}={in_yaml}")
    assert at(after, path) == value
    assert leaf_paths(after) == leaf_paths(data)
    assert all(at(after, p) == at(data, p) for p in leaf_paths(data) if p != path)


@pytest.mark.parametrize(
    ("before", "override", "after"),
    [
        ({}, "graph.threshold=0.4", {"graph": {"threshold": 0.4}}),
        ({"graph": None}, "graph.a.b=x", {"graph": {"a": {"b": "x"}}}),
        ({"dataset": "digits"}, "dataset.x=1", {"dataset": {"use": "digits", "x": 1}}),
        ({"dataset": "digits"}, "dataset=mnist", {"dataset": "mnist"}),
        ({}, "metrics=[deletion, {use: x}]", {"metrics": ["deletion", {"use": "x"}]}),
        (
            {"metrics": ["deletion"]},
            "metrics.0.steps=5",
            {"metrics": [{"use": "deletion", "steps": 5}]},
        ),
        ({"images": {"classes": ["3"]}}, "images.classes.0='8'", {"images": {"classes": ["8"]}}),
        ({}, "device=cuda:1", {"device": "cuda:1"}),
        ({}, "name=a=b", {"name": "a=b"}),
        ({"name": "x"}, "name=", {"name": None}),
    ],
)
def test_sets_values(before: dict[str, Any], override: str, after: dict[str, Any]) -> None:
    assert overridden(before, override) == after


def test_later_overrides_win_and_the_document_stays_as_it_is() -> None:
    document = read_document({"graph": {"a": {"b": 1}}})
    after = apply_overrides(document, ["graph.a.b=2", "graph.a.b=3"])
    assert after.data == {"graph": {"a": {"b": 3}}}
    assert document.data == {"graph": {"a": {"b": 1}}}


def test_what_an_override_sets_stands_at_the_override(write: Callable[[str], str]) -> None:
    document = read_document(write("name: x\ngraph: {a: {b: 1}, c: 2}\n"))
    after = apply_overrides(document, ["graph.a={d: 1}", "oracle.x.y=1"])
    assert after.place(("graph", "a", "d")) == Place("--set graph.a={d: 1}")
    assert after.place(("graph", "c")) == Place("spec.yaml:2", 2)
    assert after.place(("oracle", "use")) == Place("--set oracle.x.y=1")


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("x", "--set x: should be key=value, as in graph.threshold=0.4"),
        ("graph..x=1", "--set graph..x=1: should be key=value, as in graph.threshold=0.4"),
        ("=1", "--set =1: should be key=value, as in graph.threshold=0.4"),
        (
            "a.b=[",
            "--set a.b=[: a.b: not valid YAML: expected the node content, "
            "but found '<stream end>' (while parsing a flow node)",
        ),
        (
            "a={b: 1, b: 2}",
            "--set a={b: 1, b: 2}: a.b: is given twice, first at --set a={b: 1, b: 2}",
        ),
        ("seed.x=1", "--set seed.x=1: seed.x: seed is 3, which has no keys"),
        (
            "metrics.1.steps=1",
            "--set metrics.1.steps=1: metrics.1.steps: "
            "metrics has 1 elements, from 0; there is no '1'",
        ),
        (
            f"metrics.{'9' * 5000}=1",
            f"--set metrics.{'9' * 492}… (5010 characters): "
            f"metrics.{'9' * 120}… (5000 characters): "
            f"metrics has 1 elements, from 0; there is no '{'9' * 60}'… (5000 characters)",
        ),
        (
            f"{'a.' * 50}a=1",
            f"--set {'a.' * 50}a=1: is nested deeper than 40 levels",
        ),
        (
            "metrics.x=1",
            "--set metrics.x=1: metrics.x: metrics has 1 elements, from 0; there is no 'x'",
        ),
    ],
)
def test_overrides_that_cannot_be_applied(override: str, problem: str) -> None:
    document = read_document({"seed": 3, "metrics": ["deletion"]})
    after = apply_overrides(document, [override])
    assert [str(each) for each in after.problems(after.mistakes)] == [problem]
    assert after.data == document.data
