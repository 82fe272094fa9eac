"""What a discoverer finds without concepts is stored apart, and given to it with the concepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from causalxai import CausalGraph
from causalxai.config import load_spec
from causalxai.graph_discoverer import DiscoveryInputs
from causalxai.pipeline.keys import PREPARATION
from causalxai.pipeline.stages import Pipeline
from causalxai.storage.record import Record
from causalxai.storage.store import Store
from causalxai_interventional.discoverer import InterventionalDiscoverer

Given = list[tuple[DiscoveryInputs, Record | None]]


@pytest.fixture
def prepared_with(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Let the discoverer of the tiny spec prepare something, and collect its inputs."""
    given: Given = []

    def prepares(_: InterventionalDiscoverer, inputs: DiscoveryInputs) -> Record:
        given.append((inputs, None))
        return Record(meta={"drawn": int(torch.randint(1000, (1,), generator=inputs.rng))})

    def discovers(
        self: InterventionalDiscoverer, inputs: DiscoveryInputs, prepared: Record
    ) -> CausalGraph:
        given.append((inputs, prepared))
        return self._discover(inputs)

    monkeypatch.setattr(InterventionalDiscoverer, "prepares", True)
    monkeypatch.setattr(InterventionalDiscoverer, "_prepare", prepares)
    monkeypatch.setattr(InterventionalDiscoverer, "_discover_with", discovers)
    return given


def opened(root: Path, spec: dict[str, Any]) -> Pipeline:
    return Pipeline(load_spec(spec), Store(root / ".store"), device=torch.device("cpu"))


def test_what_is_prepared_is_stored_and_given_to_the_discoverer(
    finished_copy: Path, tiny_spec: dict[str, Any], prepared_with: Given
):
    spec = {**tiny_spec, "graph": {**tiny_spec["graph"], "tau": 0.5}}
    first = opened(finished_copy, spec)
    first.result(PREPARATION)
    ((inputs, _),) = prepared_with
    assert (inputs.space, inputs.oracle) == (None, None)
    assert first.computed == [PREPARATION]
    assert "concepts" not in first.reused

    again = opened(finished_copy, spec)
    assert again.graph is not None
    _, (discovered, prepared) = prepared_with
    assert prepared == first.preparation
    assert discovered.space is again.space
    assert again.computed == ["graph"]
    assert PREPARATION in again.reused
    parts = (again.store.cost(stage, again.keys[stage]) for stage in (PREPARATION, "graph"))
    assert again.costs["graph"].seconds == sum(part.seconds for part in parts if part is not None)
    assert PREPARATION not in again.costs


def test_nothing_is_prepared_for_a_graph_that_is_stored(
    finished_copy: Path, tiny_spec: dict[str, Any], prepared_with: Given
):
    pipeline = opened(finished_copy, tiny_spec)
    assert pipeline.graph is not None
    pipeline.require_results()
    assert (prepared_with, pipeline.computed) == ([], [])


def test_most_discoverers_prepare_nothing(finished_copy: Path, tiny_spec: dict[str, Any]):
    pipeline = opened(finished_copy, tiny_spec)
    assert PREPARATION not in pipeline.keys
    assert pipeline.preparation is None
