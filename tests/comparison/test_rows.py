"""What runs of a comparison are charged with, and on how many threads they ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from causalxai import Comparison, compare
from causalxai.capabilities import Capability
from causalxai.comparison.page.render import render_comparison
from causalxai.comparison.rows import charged
from causalxai.config import load_grid
from causalxai.pipeline.execution import open_pipeline
from causalxai.storage.cost import Cost

Spec = dict[str, Any]
Trainings = Callable[[], list[str]]
Score = Callable[..., pd.Series]


def test_costs_are_those_of_what_the_explanation_needs(score: Score, done: Comparison):
    exact = next(e for e in done.entries if e.cell.labels == {"seed": 0, "method": "exact"})
    costs = exact.outcome.costs
    own, scoring = ["concepts", "explain"], ["metrics.best-concept", "metrics.distance"]
    assert {"classifier", "graph", "report", *own, *scoring} == costs.keys()
    row = score(done, seed=0, method="exact", metric="distance")
    # It asks the oracle, and not for the graph: 6 images, as they are and with 4 concepts shifted.
    assert row.seconds == pytest.approx(sum(costs[stage].seconds for stage in own))
    assert row.seconds > 0
    assert row.answers == costs["explain"].answers == 6 * 5
    # The discoverer raises and lowers each of 4 concepts in 8 images.
    assert costs["graph"].answers == 8 * 4 * 2
    assert all(costs[stage].answers == 6 * 5 for stage in scoring)
    # Nothing but the explanation itself; what the metrics asked is no cost of the method's.
    random = next(e for e in done.entries if e.cell.labels == {"seed": 0, "method": "random"})
    row = score(done, seed=0, method="random", metric="distance")
    assert row.seconds == random.outcome.costs["explain"].seconds
    assert np.isnan(row.answers)


def test_who_asks_for_the_graph_is_charged_with_it(base: Spec, monkeypatch: pytest.MonkeyPatch):
    import toyparts

    from causalxai.testing.toys import ToyDiscoverer

    (cell,) = load_grid({**base, "explain": "random"}).cells
    assert charged(cell.spec) == ["explain"]
    monkeypatch.setattr(toyparts.RandomExplainer, "requires", frozenset({Capability.OBSERVATIONS}))
    assert charged(cell.spec) == ["explain"]
    monkeypatch.setattr(toyparts.RandomExplainer, "requires", frozenset({Capability.CONCEPTS}))
    assert charged(cell.spec) == ["concepts", "explain"]
    monkeypatch.setattr(toyparts.RandomExplainer, "requires", frozenset({Capability.GRAPH}))
    assert charged(cell.spec) == ["concepts", "graph", "explain"]
    monkeypatch.setattr(ToyDiscoverer, "requires", frozenset({Capability.OBSERVATIONS}))
    assert charged(cell.spec) == ["graph", "explain"]
    monkeypatch.setattr(toyparts.RandomExplainer, "requires", frozenset())
    monkeypatch.setattr(toyparts.Distance, "requires", frozenset({Capability.GRAPH}))
    assert charged(cell.spec) == ["graph", "explain"]


def test_threads_are_set_while_runs_last(base: Spec, tmp_path: Path, trainings: Trainings):
    before = torch.get_num_threads()
    comparison = compare(base, out=tmp_path / "runs", jobs=1, threads=2)
    assert trainings() == ["world 0, 2 thread"]
    assert torch.get_num_threads() == before
    assert comparison.threads == (2,)


def test_what_is_reused_tells_on_how_many_threads_it_was_computed(
    done: Comparison, runs: Path, grid_spec: Spec
):
    assert done.threads == (1,)
    again = compare(grid_spec, out=runs, jobs=1, threads=2)
    assert not any(entry.outcome.computed for entry in again.entries)
    assert again.threads == (1,)
    assert "1 CPU thread each" in render_comparison(again)
    joined = replace(
        again,
        entries=tuple(
            replace(entry, outcome=replace(entry.outcome, costs={"explain": Cost(threads=(n,))}))
            for n, entry in enumerate(again.entries[:2], start=1)
        ),
    )
    assert joined.threads == (1, 2)
    assert "1 or 2 CPU threads each" in render_comparison(joined)


def test_pipelines_tell_what_stages_cost(done: Comparison):
    pipeline = open_pipeline(done.entries[0].cell.spec, done.directory.parent)
    assert pipeline.costs == done.entries[0].outcome.costs
