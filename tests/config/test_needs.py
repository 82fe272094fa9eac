from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from causalxai.capabilities import Capability
from causalxai.config import load_grid, load_spec

Mistakes = Callable[..., list[str]]


@pytest.fixture
def explainer(minimal: dict[str, Any]) -> type:
    load_spec(minimal)  # imports the fakes
    return sys.modules["fakeparts"].Effects


def test_an_oracle_needs_concepts(minimal: dict[str, Any], mistakes: Mistakes) -> None:
    del minimal["method"]
    assert mistakes({**minimal, "oracle": "parameters"}) == [
        "spec: oracle: answers interventions on concepts, but this run has no 'concepts'"
    ]


def test_a_discoverer_needs_what_it_requires(minimal: dict[str, Any], mistakes: Mistakes) -> None:
    del minimal["method"]
    assert mistakes({**minimal, "graph": "interventional"}) == [
        "spec: graph: 'interventional' needs an oracle ('oracle'), which nothing in this run offers"
    ]


def test_an_explainer_needs_what_it_requires(
    minimal: dict[str, Any],
    mistakes: Mistakes,
    explainer: type,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needed = frozenset({Capability.GRAPH, Capability.IMAGES, Capability.OBSERVATIONS})
    monkeypatch.setattr(explainer, "requires", needed)
    assert mistakes({**minimal, "graph": "none"}) == [
        "spec: explain: 'interventional' needs a causal graph ('graph'), an oracle that renders "
        "images ('images'), which nothing in this run offers"
    ]


def test_what_the_data_offer_is_not_known_before_they_are_loaded(
    minimal: dict[str, Any], explainer: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explainer, "requires", frozenset({Capability.REFERENCE}))
    assert load_spec(minimal).explain is not None


def test_metrics_need_an_explanation(minimal: dict[str, Any], mistakes: Mistakes) -> None:
    assert mistakes({**minimal, "explain": "none", "metrics": ["deletion"]}) == [
        "spec: metrics.0: 'deletion' scores explanations: set 'explain'"
    ]


def test_metrics_that_some_runs_of_a_grid_lack_are_no_mistake(minimal: dict[str, Any]) -> None:
    axis = {"explainer": {"with": None, "without": {"explain": "none"}}}
    grid = load_grid({**minimal, "metrics": ["deletion"], "vary": axis})
    assert [cell.spec.explain is None for cell in grid.cells] == [False, True]


@pytest.mark.parametrize(
    ("stage", "attribute", "other"),
    [
        ("ParameterOracle", "accepts", "concepts"),
        ("Discoverer", "space_kind", "concepts"),
        ("Effects", "space_kind", "concepts"),
        ("Discoverer", "oracle_kind", "oracle"),
        ("Effects", "oracle_kind", "oracle"),
    ],
)
def test_parts_that_do_not_work_with_the_kind_of_another_are_told(
    stage: str,
    attribute: str,
    other: str,
    minimal: dict[str, Any],
    mistakes: Mistakes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load_spec(minimal)
    fakes = vars(sys.modules["fakeparts"])
    part = fakes[stage]
    named = {"ParameterOracle": ("oracle", "parameters")}
    named |= {"Discoverer": ("graph", "interventional"), "Effects": ("explain", "interventional")}
    at, name = named[stage]
    own = fakes["Parameters" if other == "concepts" else "ParameterOracle"]
    monkeypatch.setattr(part, attribute, own)
    assert load_spec(minimal).oracle is not None
    wanted = type("Wanted", (own,), {})
    monkeypatch.setattr(part, attribute, wanted)
    assert mistakes(minimal) == [
        f"spec: {at}: {name!r} does not work with the {other} 'parameters' (it works with: Wanted)"
    ]


def test_the_kinds_that_would_do_are_named(
    minimal: dict[str, Any], mistakes: Mistakes, explainer: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explainer, "space_kind", sys.modules["fakeparts"].Pixels)
    assert mistakes(minimal) == [
        "spec: explain: 'interventional' does not work with the concepts 'parameters' (it works "
        "with: pixels)"
    ]
