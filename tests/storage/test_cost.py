from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from causalxai import Checkpoint, Run
from causalxai.config import load_spec
from causalxai.oracle import QueryLedger
from causalxai.pipeline import meter as meter_module
from causalxai.pipeline.meter import Meter
from causalxai.pipeline.stages import Pipeline
from causalxai.storage.cost import Cost
from causalxai.storage.record import Record
from causalxai.storage.store import Store
from causalxai_models.lenet import LeNetClassifier

Clock = Callable[[float], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the time; the function that is returned sets it."""
    now = [0.0]
    monkeypatch.setattr(meter_module.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, seconds)


def test_a_meter_reads_time_and_questions_since_it_was_made(clock: Clock):
    ledger = QueryLedger(calls=3, answers=50)
    clock(10)
    meter = Meter(Cost(seconds=5, answers=2), ledger)
    threads = (torch.get_num_threads(),)
    assert meter.read() == Cost(5, 0, 2, threads)
    clock(12.5)
    ledger.calls += 1
    ledger.answers += 30
    assert meter.read() == Cost(7.5, 1, 32, threads)
    assert Meter(Cost(), None).read() == Cost(threads=threads)
    assert Meter(Cost(threads=(99,)), None).read().threads == (*threads, 99)


def test_the_store_keeps_a_cost_beside_the_record(tmp_path: Path):
    store, record, cost = Store(tmp_path), Record(meta={"a": 1}), Cost(1.5, 2, 30, (1, 4))
    store.write("graph", "key", record, cost)
    assert store.cost("graph", "key") == cost
    store.write("graph", "other", record)
    assert store.cost("graph", "other") is None
    assert store.cost("graph", "nowhere") is None
    with_cost, without = (tmp_path / "graph" / key for key in ("key", "other"))
    names = {path.name for path in without.iterdir()}
    assert {path.name for path in with_cost.iterdir()} == {*names, "cost.json"}
    assert all((with_cost / name).read_bytes() == (without / name).read_bytes() for name in names)
    (with_cost / "cost.json").write_text('{"seconds": 1, "minutes": 2}')
    assert store.cost("graph", "key") is None
    # As earlier versions left it.
    (with_cost / "cost.json").write_text('{"seconds": 1.0, "calls": 2, "answers": 3}')
    assert store.cost("graph", "key") == Cost(1.0, 2, 3)
    assert store.read("graph", "key") == record


def test_what_is_dropped_is_gone(tmp_path: Path):
    store = Store(tmp_path)
    store.checkpoint("graph", "key").save(Record())
    store.write("graph", "key", Record())
    store.checkpoint("graph", "key").save(Record())
    assert store.has("graph", "key")
    store.drop("graph", "key")
    assert not store.has("graph", "key")
    assert store.checkpoint("graph", "key").load() is None
    store.drop("graph", "key")


def test_a_reused_stage_tells_what_it_cost_when_it_was_computed(
    finished: Run, finished_copy: Path, tiny_spec: dict[str, Any]
):
    costs = finished.pipeline.costs
    assert list(costs) == [stage for stage in finished.pipeline.keys if stage in costs]
    assert costs.keys() == set(finished.pipeline.computed)
    assert costs["graph"].answers > 0
    assert costs["classifier"].answers == 0
    assert all(cost.seconds > 0 for cost in costs.values())
    store = Store(finished_copy / ".store")
    again = Pipeline(load_spec(tiny_spec), store, device=torch.device("cpu"))
    assert again.costs == costs
    assert again.report
    assert again.costs == costs
    (note,) = (finished_copy / ".store" / "graph").glob("*/cost.json")
    assert Cost.from_json(json.loads(note.read_text())) == costs["graph"]
    assert costs["graph"].threads == (torch.get_num_threads(),)


def test_a_training_that_goes_on_costs_what_it_had_cost_too(
    tiny_spec: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
):
    def opened() -> Pipeline:
        return Pipeline(load_spec(tiny_spec), Store(tmp_path), device=torch.device("cpu"))

    def killed(*_: object, checkpoint: Checkpoint, **__: object) -> None:
        clock(70)
        checkpoint.save(Record())
        clock(90)  # What is lost with the crash does not count.
        raise KeyboardInterrupt

    fit = LeNetClassifier.fit

    def goes_on(self: LeNetClassifier, *parts: Any, checkpoint: Checkpoint, **rest: Any) -> Any:
        assert checkpoint.load() is not None
        trained = fit(self, *parts, **rest)
        clock(1005)
        return trained

    with monkeypatch.context() as patch:
        patch.setattr(LeNetClassifier, "fit", killed)
        with pytest.raises(KeyboardInterrupt):
            _ = opened().classifier
    clock(1000)
    monkeypatch.setattr(LeNetClassifier, "fit", goes_on)
    pipeline = opened()
    assert pipeline.classifier
    assert pipeline.costs["classifier"] == Cost(75.0, threads=(torch.get_num_threads(),))
