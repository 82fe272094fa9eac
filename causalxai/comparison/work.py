"""What a worker does: the jobs of a batch, one after another, in a child process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from causalxai.comparison.jobs import Batch, Job
from causalxai.comparison.rows import Outcome
from causalxai.config import ResolvedSpec
from causalxai.errors import CausalxaiError
from causalxai.metric import MetricResult
from causalxai.pipeline.execution import (
    exact_convolutions,
    finished,
    open_pipeline,
    run_directory,
    working_in,
)
from causalxai.pipeline.rendering import REPORT
from causalxai.pipeline.stage_results import worth_keeping
from causalxai.pipeline.stages import Pipeline
from causalxai.plugin.guard import in_words
from causalxai.storage.shared_store import open_store
from causalxai.supervision import EndedError, apart

_WORK_PER_LOADING = 30
"""A process that has loaded a run's parts goes on with its jobs until it has worked so many times
as long as that took. What remains is then given out again, perhaps to several processes."""

_LIBRARIES = ("matplotlib.figure", "sklearn.datasets")
"""What data sets and reports import when they are first used."""
_OF_TRAININGS = ("torch._dynamo",)
"""What torch's optimizers, and its export of networks, import when they are first used."""


def import_libraries(*, training: bool) -> None:
    """Import libraries that take seconds, so that children that fork off have them already.

    Parameters
    ----------
    training
        Whether classifiers or concepts are left to be trained.
    """
    for name in _LIBRARIES + _OF_TRAININGS * training:
        import_module(name)


@dataclass(frozen=True)
class Task:
    """A batch with all that a process, perhaps on another machine, has to know of it.

    Parameters
    ----------
    batch
        The jobs.
    spec
        The spec of their run.
    root
        The folder of the runs.
    fingerprints
        The known fingerprints of parts, as for ``Pipeline``.
    scores
        Scores of the run that are not in the store.
    threads
        The number of CPU threads.
    on_cpu
        Whether the device is the CPU.
    store
        Where results are kept for other machines as well, if they are.
    """

    batch: Batch
    spec: ResolvedSpec
    root: Path
    fingerprints: Mapping[str, str]
    scores: Mapping[str, MetricResult]
    threads: int
    on_cpu: bool
    store: str | None = None


@dataclass
class Answer:
    """What became of a batch.

    Parameters
    ----------
    done
        The jobs that are done, in order.
    reason
        Why the next one failed; empty if none did.
    computed
        The stages that were not in the store.
    scores
        Scores that are not stored because they may turn out otherwise another time.
    outcome
        The outcome of the run, if its report is done.
    """

    done: list[Job] = field(default_factory=list)
    reason: str = ""
    computed: tuple[str, ...] = ()
    scores: dict[str, MetricResult] = field(default_factory=dict)
    outcome: Outcome | None = None


def do(task: Task) -> Answer:
    """Do jobs of a batch; a failure is part of the answer, even if it ended the process."""
    try:
        # A child cannot use an accelerator that its parent has looked at.
        if task.on_cpu:
            return apart(lambda: _told(task), own_thread=task.threads > 1)
        return _told(task)
    except EndedError as error:
        store = open_store(task.root, task.store)
        stored = takewhile(lambda job: store.has(job.stage, job.key), task.batch.jobs)
        return Answer(done=list(stored), reason=str(error))


def _told(task: Task) -> Answer:
    """Return the answer, with the reason if a job raises anything."""
    answer = Answer()
    with _threads(task.threads):
        try:
            _do_jobs(task, answer)
        except KeyboardInterrupt:
            raise
        except CausalxaiError as error:
            answer.reason = str(error)
        except BaseException as error:
            # A plugin may be third-party code; its errors must not stop the other runs.
            answer.reason = in_words(error)
    return answer


def _do_jobs(task: Task, answer: Answer) -> None:
    begun = time.monotonic()
    pipeline = open_pipeline(
        task.spec, task.root, fingerprints=dict(task.fingerprints), store=task.store
    )
    pipeline.scores.update(task.scores)
    with exact_convolutions():
        directory = run_directory(task.root, pipeline)
    with working_in(directory, pipeline, append=not task.batch.first):
        for job in task.batch.jobs:
            if job.stage == REPORT:
                answer.outcome = _outcome(directory, pipeline)
            else:
                pipeline.result(job.stage)
            answer.done.append(job)
            answer.computed = tuple(pipeline.computed)
            loading = time.monotonic() - begun - pipeline.seconds_computing
            long = pipeline.seconds_computing > _WORK_PER_LOADING * loading
            if long and not task.batch.alone:
                break
    answer.scores = {
        label: score for label, score in pipeline.scores.items() if not worth_keeping(score)
    }


def _outcome(directory: Path, pipeline: Pipeline) -> Outcome:
    run = finished(directory, pipeline)
    return Outcome(
        directory=run.directory,
        metrics=pipeline.metrics,
        fit=pipeline.report.fit,
        costs=pipeline.costs,
    )


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Limit the threads of torch and of NumPy's libraries."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
