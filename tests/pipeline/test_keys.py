from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from causalxai import Run
from causalxai.config import load_spec
from causalxai.pipeline import keys
from causalxai.pipeline.stage_results import Fresh
from causalxai.pipeline.stages import Pipeline
from causalxai.plugin import registry
from causalxai.plugin.versions import stated_version
from causalxai.storage.store import Store
from causalxai_interventional.discoverer import InterventionalDiscoverer

Spec = dict[str, Any]


STAGES = ["classifier", "concepts", "graph", "explain", "metrics.deletion", "metrics.correction"]


def keys_of(spec: Spec | Path, *overrides: str, device: str = "cpu") -> dict[str, str]:
    resolved = load_spec(spec, overrides)
    return Pipeline(resolved, Store(Path("nowhere")), device=torch.device(device)).keys


@pytest.fixture
def open_pipeline(finished_copy: Path, tiny_spec: Spec) -> Callable[..., Pipeline]:
    """Open the tiny spec's pipeline on a copy of its store, with some keys changed."""

    def opened(fresh: Fresh = "nothing", **changed: object) -> Pipeline:
        resolved = load_spec({**tiny_spec, **changed})
        store = Store(finished_copy / ".store")
        return Pipeline(resolved, store, device=torch.device("cpu"), fresh=fresh)

    return opened


@pytest.mark.parametrize(
    ("override", "first_changed"),
    [
        ("seed=1", "dataset"),
        ("dataset.size=20", "dataset"),
        ("classifier.hidden=8", "classifier"),
        ("concepts.granularity=filter", "concepts"),
        ("oracle.strategy=vmap", "oracle"),
        ("graph.tau=0.5", "graph"),
        ("explain.references=true", "explain"),
        ("images.count=3", "explain"),
        ("metrics.0.steps=5", "metrics.deletion"),
        ("metrics.1.errors=1", "metrics.correction"),
        ("name=other", "report"),
        ("memory_mb=64", None),
        ("device=auto", None),
    ],
)
def test_a_change_concerns_what_depends_on_it_and_nothing_else(
    override: str, first_changed: str | None, tiny_spec: Spec
):
    order = ["dataset", "classifier", "concepts", "oracle", "graph", "explain"]
    if first_changed in order:
        expected = {*order[order.index(first_changed) :], *STAGES[-2:], "report"}
    else:
        expected = {first_changed, "report"} if first_changed else set()
    before, after = keys_of(tiny_spec), keys_of(tiny_spec, override)
    assert before.keys() == after.keys()
    assert {stage for stage in before if before[stage] != after[stage]} == expected


def test_a_preparation_depends_on_the_discoverer_the_data_and_the_classifier(
    tiny_spec: Spec, monkeypatch: pytest.MonkeyPatch
):
    without = keys_of(tiny_spec)
    monkeypatch.setattr(InterventionalDiscoverer, "prepares", True)
    keyed = keys_of(tiny_spec)
    order = list(keyed)
    assert order.index(keys.PREPARATION) == order.index("graph") - 1
    assert {stage: key for stage, key in keyed.items() if stage != keys.PREPARATION} == without
    for override, changes in (
        ("concepts.granularity=filter", False),
        ("explain.references=true", False),
        ("graph.tau=0.5", True),
        ("classifier.hidden=8", True),
        ("dataset.size=20", True),
        ("seed=1", True),
    ):
        changed = keys_of(tiny_spec, override)[keys.PREPARATION] != keyed[keys.PREPARATION]
        assert changed == changes


def test_results_belong_to_a_kind_of_device_and_a_version_of_torch(
    tiny_spec: Spec, monkeypatch: pytest.MonkeyPatch
):
    here, there = keys_of(tiny_spec), keys_of(tiny_spec, device="cuda")
    assert not set(here.values()) & set(there.values())
    assert keys_of(tiny_spec, device="cuda:1") == there
    monkeypatch.setattr(torch, "__version__", "1.0.0")
    assert not set(here.values()) & set(keys_of(tiny_spec).values())


@pytest.mark.parametrize(
    ("package", "first_changed"),
    [
        ("causalxai_datasets", "dataset"),
        ("causalxai_models", "classifier"),
        ("causalxai_interventional", "concepts"),
        ("causalxai.metrics", "metrics.deletion"),
        ("causalxai_glance", None),
        ("causalxai.generic", None),
    ],
)
def test_another_version_of_a_package_concerns_its_own_stages_and_what_follows(
    package: str, first_changed: str | None, tiny_spec: Spec, monkeypatch: pytest.MonkeyPatch
):
    order = ["dataset", "classifier", "concepts", "oracle", "graph", "explain"]
    if first_changed in order:
        expected = {*order[order.index(first_changed) :], *STAGES[-2:], "report"}
    else:
        expected = {first_changed, "report"} if first_changed else set()
    before = keys_of(tiny_spec)

    def raised(module: str) -> str | None:
        return "99.0" if f"{module}.".startswith(f"{package}.") else stated_version(module)

    monkeypatch.setattr(registry, "stated_version", raised)
    registry.found.cache_clear()
    try:
        after = keys_of(tiny_spec)
    finally:
        registry.found.cache_clear()
    assert {stage for stage in before if before[stage] != after[stage]} == expected


def test_another_version_of_the_core_draws_the_report_anew_and_keeps_all_results(
    tiny_spec: Spec, monkeypatch: pytest.MonkeyPatch
):
    before = keys_of(tiny_spec)
    monkeypatch.setattr(keys, "__version__", "99.0")
    after = keys_of(tiny_spec)
    assert {stage for stage in before if before[stage] != after[stage]} == {"report"}


def test_a_metric_that_stands_twice_is_scored_twice(
    open_pipeline: Callable[..., Pipeline], finished: Run
):
    other = {"use": "deletion", "steps": 5}
    both = open_pipeline(metrics=["deletion", other])
    first, second = both.metrics
    assert (first.metric, second.metric) == ("deletion", "deletion-2")
    assert both.computed == ["metrics.deletion-2"]
    assert first == finished.metrics["deletion"]
    (alone,) = open_pipeline(metrics=[other]).metrics
    assert second.estimate.value == alone.estimate.value != first.estimate.value
