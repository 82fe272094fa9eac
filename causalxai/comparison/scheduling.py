"""Gives the jobs of a comparison to workers, as soon as all that they need is done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait

from causalxai.comparison.backends import Workers
from causalxai.comparison.jobs import Batch, Job, JobGraph
from causalxai.comparison.work import Answer
from causalxai.errors import CausalxaiError

_TRIES = 3
"""How often a batch is begun whose worker is killed."""


def do_all(
    graph: JobGraph,
    workers: Workers,
    submit: Callable[[Batch], Future[Answer]],
    take: Callable[[Batch, Answer], None],
) -> None:
    """Have all jobs done.

    Parameters
    ----------
    graph
        The jobs.
    workers
        What does them.
    submit
        Submits a batch to the workers.
    take
        Receives each batch that has ended, with its answer.

    Raises
    ------
    CausalxaiError
        If the workers of a job are killed again and again.
    """
    running: dict[Future[Answer], Batch] = {}
    kills: dict[Job, int] = defaultdict(int)
    while True:
        while len(running) < workers.count:
            batch = graph.next_batch(workers.count - len(running), alone=workers.count == 1)
            if batch is None:
                break
            running[submit(batch)] = batch
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            batch = running.pop(future)
            graph.give_back(batch)
            try:
                answer = future.result()
            except workers.lost as error:
                kills[batch.jobs[0]] += 1
                if kills[batch.jobs[0]] == _TRIES:
                    raise CausalxaiError(
                        "a process that ran part of the comparison was killed, perhaps for lack "
                        "of memory; run the same command with fewer --jobs to continue from here"
                    ) from error
                continue
            _note(graph, batch, answer)
            take(batch, answer)


def _note(graph: JobGraph, batch: Batch, answer: Answer) -> None:
    for job in answer.done:
        graph.done(job)
    if answer.reason:
        graph.fail(batch.jobs[len(answer.done)], batch.run, answer.reason)
