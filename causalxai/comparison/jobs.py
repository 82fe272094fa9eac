"""The jobs of a comparison: the stages of all its runs, each result once, with what each needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from causalxai.config import Stage
from causalxai.pipeline.keys import METRIC, NOT_STORED, PREPARATION
from causalxai.pipeline.rendering import REPORT


class Job(NamedTuple):
    """A stage, a metric or the report, and the key of its result in the store."""

    stage: str
    key: str


@dataclass(frozen=True)
class Batch:
    """Jobs that are done one after another in one process, with the parts of one run.

    Parameters
    ----------
    run
        The number of the run.
    jobs
        Its jobs, each after those that it needs.
    first
        Whether it is the first batch of the run in this comparison.
    alone
        Whether there is one worker, so that nobody waits for a part of the batch.
    """

    run: int
    jobs: tuple[Job, ...]
    first: bool
    alone: bool = False


class JobGraph:
    """The jobs that are left to do; it says which are next.

    Parameters
    ----------
    runs
        For each run its keys by stage in the order of the pipeline; empty for a run that has
        failed already.
    is_stored
        Whether a result is in the store.
    """

    def __init__(self, runs: Sequence[Mapping[str, str]], is_stored: Callable[[Job], bool]) -> None:
        self.failed: dict[int, str] = {}
        self._of_run = [list(_pending(keys, is_stored)) for keys in runs]
        self._runs: dict[Job, list[int]] = defaultdict(list)
        self._needs: dict[Job, set[Job]] = {}
        # Not a set: its order would change from process to process.
        self._needed_by: dict[Job, dict[Job, None]] = defaultdict(dict)
        for run, jobs in enumerate(self._of_run):
            for job in jobs:
                self._runs[job].append(run)
                self._needs[job] = set(_needs(job, jobs))
                for need in self._needs[job]:
                    self._needed_by[need][job] = None
        self._left = {job: len(needs) for job, needs in self._needs.items()}
        self._ready = {job: None for job, unmet in self._left.items() if unmet == 0}
        self._in_work: set[Job] = set()
        self._begun: set[int] = set()
        self._reasons: dict[Job, set[str]] = defaultdict(set)

    def __len__(self) -> int:
        """Return the number of jobs that are left, in work or not."""
        return sum(1 for job in self._left if self.runs(job))

    @property
    def stages(self) -> set[str]:
        """The stages that some runs lack, in work or not."""
        return {str(job.stage) for job in self._left if self.runs(job)}

    def runs(self, job: Job) -> list[int]:
        """Return the runs that have a job and did not fail."""
        return [run for run in self._runs[job] if run not in self.failed]

    def next_batch(self, free: int, *, alone: bool = False) -> Batch | None:
        """Return jobs that can be done now, or ``None`` if all wait for jobs in work.

        Parameters
        ----------
        free
            The number of processes that have nothing to do, this batch's included.
        alone
            Whether there is one process in all.
        """
        ready = [job for job in self._ready if job not in self._in_work and self.runs(job)]
        if not ready:
            return None
        # The job that most others wait for comes first. How long each takes is not known.
        first = max(ready, key=lambda job: len(self._needed_by[job]))
        run = self.runs(first)[0]
        own = [first, *(job for job in ready if job != first and run in self._runs[job])]
        if not alone:
            # Of long jobs, each is for a process of its own.
            own = [job for job in own if job == first or first.stage.startswith(METRIC)]
        idle = free - 1 - (len(ready) - len(own))
        if idle > 0:
            own = own[: ceil(len(own) / (idle + 1))]
        planned = self._planned(run, own, idle > 0, alone=alone)
        batch = Batch(run, tuple(planned), run not in self._begun, alone)
        self._in_work.update(batch.jobs)
        self._begun.add(run)
        return batch

    def give_back(self, batch: Batch) -> None:
        """Note that a batch has ended; what is not noted as done is given out again."""
        self._in_work.difference_update(batch.jobs)

    def done(self, job: Job) -> None:
        """Note that a job is done."""
        if self._left.pop(job, None) is None:
            return
        self._ready.pop(job, None)
        for each in self._needed_by[job]:
            if each not in self._left:
                continue
            self._left[each] -= 1
            if self._left[each] == 0:
                self._ready[each] = None

    def fail(self, job: Job, run: int, reason: str) -> None:
        """Note that a job failed in a batch of a run.

        The reason may lie in other parts of that run: each run begins with checks of all its parts.
        A job that several runs share is therefore tried again with the parts of another run, and
        fails in all of them when the reason is the same.
        """
        again = reason in self._reasons[job]
        self._reasons[job].add(reason)
        for other in self.runs(job) if again else [run]:
            self.failed[other] = reason

    def _planned(
        self, run: int, own: Sequence[Job], some_idle: bool, *, alone: bool
    ) -> Iterator[Job]:
        """Yield jobs of a run and those that can follow them, up to one that others wait for."""
        planned: set[Job] = set()

        def unmet(job: Job) -> int:
            return self._left[job] - len(self._needs[job] & planned)

        later = [job for job in self._of_run[run] if job in self._left and job not in self._ready]
        for job in [*own, *later]:
            if job in self._in_work or unmet(job):
                continue
            planned.add(job)
            yield job
            if alone:
                continue
            opened = [each for each in self._needed_by[job] if not unmet(each)]
            if any(run not in self._runs[each] for each in opened):
                return
            if some_idle and len(opened) > 1:
                return


def _pending(keys: Mapping[str, str], is_stored: Callable[[Job], bool]) -> Iterator[Job]:
    """Yield the jobs of a run that are not done, in the order of the pipeline."""
    jobs = [Job(stage, key) for stage, key in keys.items() if stage not in NOT_STORED]
    stored = {job for job in jobs if is_stored(job)}
    if any(job.stage == Stage.GRAPH for job in stored):
        # All that the preparation is for.
        stored |= {job for job in jobs if job.stage == PREPARATION}
    for job in jobs:
        # The report is there only if all else is; its job also writes the run's directory.
        if job.stage == REPORT or not (jobs[-1] in stored or job in stored):
            yield job


def _needs(job: Job, jobs: Sequence[Job]) -> Iterator[Job]:
    """Yield what a job needs of the jobs of its run: all of earlier places."""
    return (other for other in jobs if _place(other.stage) < _place(job.stage))


def _place(stage: str) -> int:
    """Return the place of a stage in the pipeline; stages of one place do not need one another."""
    if stage == PREPARATION:
        return _place(Stage.CONCEPTS)
    if stage == REPORT:
        return len(Stage) + 1
    return len(Stage) if stage.startswith(METRIC) else list(Stage).index(Stage(stage))
