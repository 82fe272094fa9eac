"""A worker does the jobs of a batch, and answers whatever happens."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from causalxai import MetricResult
from causalxai.comparison import work
from causalxai.comparison.jobs import Batch, Job, JobGraph
from causalxai.comparison.work import Answer, Task, do
from causalxai.config import load_spec
from causalxai.pipeline.execution import open_pipeline
from causalxai.storage.store import Store

Spec = dict[str, Any]
Work = Callable[..., Answer]


@pytest.fixture
def answer(base: Spec, tmp_path: Path) -> Work:
    """Do what can be done of a run in one batch."""
    store = Store(tmp_path / "runs" / ".store")

    def answered(
        scores: dict[str, MetricResult] | None = None, *, alone: bool = False, **settings: Any
    ) -> Answer:
        spec = load_spec({**base, **settings})
        keys = open_pipeline(spec, tmp_path / "runs").keys
        batch = JobGraph([keys], lambda job: store.has(*job)).next_batch(free=1)
        assert batch is not None
        first = Batch(0, batch.jobs, first=batch.jobs[0].stage == "classifier", alone=alone)
        return do(Task(first, spec, tmp_path / "runs", {}, scores or {}, threads=1, on_cpu=True))

    return answered


def log_of(runs: Path) -> str:
    (log,) = runs.glob("toy-*/log.txt")
    return log.read_text()


def stages(jobs: list[Job]) -> list[str]:
    return [job.stage for job in jobs]


def test_a_batch_ends_with_the_outcome_of_its_run(answer: Work, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(work, "_WORK_PER_LOADING", float("inf"))
    found = answer()
    assert found.reason == ""
    assert stages(found.done)[0] == "classifier"
    assert stages(found.done)[-1] == "report"
    assert found.computed == tuple(stages(found.done))
    assert found.outcome is not None
    assert found.outcome.directory is not None
    assert [result.metric for result in found.outcome.metrics] == ["best-concept", "distance"]


def test_long_work_is_given_back_in_parts(
    answer: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(work, "_WORK_PER_LOADING", 0)
    parts = [answer() for _ in range(7)]
    assert [stages(part.done) for part in parts] == [
        ["classifier"],
        ["concepts"],
        ["graph"],
        ["explain"],
        ["metrics.best-concept"],
        ["metrics.distance"],
        ["report"],
    ]
    assert [part.outcome is None for part in parts] == [True] * 6 + [False]
    log = log_of(tmp_path / "runs")
    assert log.count("classifier: computed") == log.count("report: computed") == 1


def test_one_process_alone_keeps_long_work(answer: Work, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(work, "_WORK_PER_LOADING", 0)
    assert stages(answer(alone=True).done)[-1] == "report"


def test_a_score_that_failed_is_answered_and_not_computed_again(
    answer: Work, monkeypatch: pytest.MonkeyPatch
):
    import toyparts

    monkeypatch.setattr(work, "_WORK_PER_LOADING", float("inf"))
    with monkeypatch.context() as patch:
        patch.setattr(toyparts.Distance, "_compute", lambda *_: 1 / 0)
        found = answer()
    assert found.scores.keys() == {"distance"}
    assert found.scores["distance"].status == "failed"
    again = answer(found.scores)
    assert again.outcome is not None
    assert again.outcome.metrics[1] == found.scores["distance"]


def test_what_a_job_raises_is_the_reason_and_what_was_done_counts(
    answer: Work, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(work, "_WORK_PER_LOADING", float("inf"))
    found = answer(explain="refusing")
    assert (stages(found.done)[-1], found.reason) == ("graph", "no explanation today")


def test_a_process_that_ends_is_the_reason_and_what_was_stored_counts(
    answer: Work, monkeypatch: pytest.MonkeyPatch
):
    import toyparts

    monkeypatch.setattr(work, "_WORK_PER_LOADING", float("inf"))
    monkeypatch.setattr(toyparts.RandomExplainer, "_explain", lambda *_: os._exit(3))
    found = answer(explain="random")
    assert stages(found.done) == ["classifier", "concepts", "graph"]
    assert "was ended with code 3" in found.reason
