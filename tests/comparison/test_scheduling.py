"""Jobs are given to workers as soon as all that they need is done, and again if a worker dies."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from causalxai.comparison.backends import Workers
from causalxai.comparison.jobs import Batch, JobGraph
from causalxai.comparison.scheduling import do_all
from causalxai.comparison.work import Answer
from causalxai.errors import CausalxaiError


class WorkerLostError(Exception):
    pass


def graph() -> JobGraph:
    """Two runs with one classifier."""
    runs = [{"classifier": "one", "explain": name, "report": name} for name in "ab"]
    return JobGraph(runs, lambda _job: False)


def worked(graph: JobGraph, count: int = 1, kills: int = 0, part: int | None = None) -> list[str]:
    """Return the stages in the order in which they were done."""
    done: list[str] = []
    left = kills

    def submit(batch: Batch) -> Future[Answer]:
        nonlocal left
        future: Future[Answer] = Future()
        if left:
            left -= 1
            future.set_exception(WorkerLostError())
        else:
            future.set_result(Answer(done=list(batch.jobs[:part])))
        return future

    do_all(
        graph,
        Workers(count, submit, (WorkerLostError,)),
        submit,
        lambda _, answer: done.extend(job.stage for job in answer.done),
    )
    return done


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("part", [None, 1])
def test_each_job_is_done_once(count: int, part: int | None):
    jobs = graph()
    done = worked(jobs, count, part=part)
    assert sorted(done) == ["classifier", "explain", "explain", "report", "report"]
    assert done[0] == "classifier"
    assert len(jobs) == 0


def test_no_more_jobs_are_given_out_than_there_are_workers():
    given: list[Future[Answer]] = []
    batches: list[Batch] = []

    def submit(batch: Batch) -> Future[Answer]:
        future: Future[Answer] = Future()
        given.append(future)
        batches.append(batch)
        assert sum(not each.done() for each in given) <= 2
        if len(batches) == 1 or len(batches) == 3:
            for each, of in zip(given, batches, strict=True):
                if not each.done():
                    each.set_result(Answer(done=list(of.jobs)))
        return future

    do_all(graph(), Workers(2, submit), submit, lambda *_: None)
    assert [batch.run for batch in batches] == [0, 0, 1]


def test_the_jobs_of_a_worker_that_was_killed_are_done_by_another():
    assert sorted(worked(graph(), kills=2)) == sorted(worked(graph()))


def test_a_job_whose_workers_are_killed_again_and_again_is_told():
    with pytest.raises(CausalxaiError, match="was killed, perhaps for lack of memory"):
        worked(graph(), kills=3)


def test_what_failed_is_noted_and_the_others_go_on():
    jobs = graph()

    def submit(batch: Batch) -> Future[Answer]:
        future: Future[Answer] = Future()
        done = list(batch.jobs)
        if batch.run == 0:
            done = [job for job in done if job.stage == "classifier"]
        future.set_result(Answer(done=done, reason="no" if batch.run == 0 else ""))
        return future

    do_all(jobs, Workers(1, submit), submit, lambda *_: None)
    assert jobs.failed == {0: "no"}
    assert len(jobs) == 0
