"""Budgets: a ceiling on the answers that explanations take."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from causalxai import Run, compare, run
from causalxai.errors import CapabilityError
from causalxai.oracle import BudgetError, QueryLedger


@given(st.lists(st.integers(1, 50), max_size=20), st.integers(1, 200))
def test_never_more_than_the_ceiling_is_answered(asked: list[int], budget: int):
    ledger = QueryLedger(calls=2, answers=7)
    granted = 0
    with ledger.at_most(budget):
        for answers in asked:
            try:
                ledger.charge(answers)
            except BudgetError:
                assert granted + answers > budget
            else:
                granted += answers
    assert ledger.answers == 7 + granted <= 7 + budget
    ledger.charge(10**6)
    assert ledger.answers == 7 + granted + 10**6


def test_an_inner_budget_does_not_widen_an_outer_one():
    ledger = QueryLedger()
    with (
        ledger.at_most(5),
        ledger.at_most(100),
        pytest.raises(BudgetError, match=r"6 more.* 5 are"),
    ):
        ledger.charge(6)
    with ledger.at_most(None):
        ledger.charge(6)
    assert (ledger.calls, ledger.answers) == (1, 6)


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return {
        "causalxai": 1,
        "name": "small",
        "device": "cpu",
        "dataset": "digits",
        "classifier": {"use": "lenet", "epochs": 1},
        "concepts": {"use": "parameters", "layers": ["conv1"], "granularity": "filter"},
        "oracle": "parameters",
        "graph": {"use": "interventional", "classes": ["3"], "positives": 2},
        "explain": "interventional",
        "images": {"count": 2, "only": "any"},
        "metrics": [],
    }


@pytest.fixture(scope="module")
def free(spec: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that may ask as much as it likes."""
    return run(spec, out=tmp_path_factory.mktemp("free"))


@pytest.mark.usefixtures("undrawn")
def test_explanations_within_the_budget_are_as_without(spec: dict[str, Any], free: Run):
    taken = free.pipeline.costs["explain"].answers
    assert taken > 0
    out = free.directory.parent
    assert "explain" in run({**spec, "budget": taken}, out=out).pipeline.reused
    again = run({**spec, "budget": taken}, out=out / "again")
    assert again.pipeline.costs["explain"].answers == taken
    assert torch.equal(again.explanation.importance, free.explanation.importance)


def test_more_than_the_budget_is_refused_whether_computed_or_reused(
    spec: dict[str, Any], free: Run
):
    budget = free.pipeline.costs["explain"].answers - 1
    limited, out = {**spec, "budget": budget}, free.directory.parent
    lower = rf"exceed budget: {budget}: .*; lower images.count, or raise the budget"
    with pytest.raises(CapabilityError, match=lower):
        run(limited, out=out / "other")
    with pytest.raises(CapabilityError, match=rf"they took {budget + 1} answers"):
        run(limited, out=out)


def test_a_comparison_tells_which_run_exceeds_it(spec: dict[str, Any], free: Run):
    budget = free.pipeline.costs["explain"].answers - 1
    vary = {"method": {"asks": {}, "asks nobody": {"explain": "saliency"}}}
    out = free.directory.parent
    grid = {**spec, "metrics": ["deletion"], "vary": vary, "budget": budget}
    comparison = compare(grid, out=out, jobs=1)
    (failed,) = comparison.failures()
    assert failed.cell.labels == {"method": "asks"}
    assert f"exceed budget: {budget}" in failed.outcome.reason
