"""Run every cell of a grid, what several share once, as many at a time as there are cores."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import joblib
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from causalxai.comparison.result import Comparison
from causalxai.comparison.rows import Entry, Outcome
from causalxai.comparison.writing import write_comparison
from causalxai.config import Cell, ResolvedSpec, Source, Stage, load_grid
from causalxai.errors import CausalxaiError
from causalxai.pipeline.execution import exact_convolutions, execute, open_pipeline
from causalxai.progress import SILENT, Progress
from causalxai.storage.store import Store, digest

Result = TypeVar("Result")

_SHARED = (Stage.CLASSIFIER, Stage.CONCEPTS, Stage.GRAPH, Stage.EXPLAIN)
"""The stages whose results are stored, so that runs may share them."""

_logger = logging.getLogger(__name__)


def compare(
    specs: Source | Sequence[Source],
    *,
    overrides: Sequence[str] = (),
    out: str | Path = "runs",
    jobs: int | None = None,
    threads: int = 1,
    progress: Progress = SILENT,
    fresh: bool = False,
    sanity: bool = False,
) -> Comparison:
    """Run a spec's grid, or several specs, and write what it comes to.

    Everything is kept in the store of ``out``: what runs share is computed once, and a
    comparison that was killed goes on where it stopped. A run that fails is told in the table
    with its reason, and does not stop the others.

    Parameters
    ----------
    specs
        A YAML file or a mapping, with ``vary`` for a grid of runs; of several, each is a label of
        the axis ``spec``.
    overrides
        ``"graph.tau=2"`` and the like, in all runs; the axes override them.
    out
        Where runs are kept, and the comparison beside them.
    jobs
        How many runs at a time. By default one for each ``threads`` cores, on an accelerator one.
        Under ``joblib.parallel_config`` the runs go to the backend that it names.
    threads
        CPU threads of each run. Rounding depends on it a little; what earlier runs computed on
        other numbers of threads is reused all the same, and ``Comparison.threads`` tells.
    progress
        Where long work reports.
    fresh
        Whether what earlier runs left is dropped first.
    sanity
        The same as ``sanity: true`` in all specs: whether each run that is no control also has
        the metric ``sanity``, how much its explanation changes when the classifier's weights are
        shuffled.

    Raises
    ------
    SpecError
        If the spec of any run has mistakes; nothing is run then.
    CausalxaiError
        If the runs cannot be written, or a process that ran some was killed.
    """
    grid = load_grid(specs, [*overrides, "sanity=true"] if sanity else overrides)
    runs = _Runs(Path(out), jobs, threads, progress, [_Plan(cell) for cell in grid.cells])
    runs.look_at_inputs()
    if fresh:
        runs.drop_results()
    runs.compute_what_is_shared()
    runs.finish()
    entries = tuple(plan.entry() for plan in runs.plans)
    keys = [plan.keys.get("report", plan.cell.spec.to_yaml()) for plan in runs.plans]
    labels = [dict(plan.cell.labels) for plan in runs.plans]
    name = f"{grid.name}-comparison-{digest({'labels': labels, 'runs': keys})[:8]}"
    comparison = Comparison(grid.name, grid.axes, entries, Path(out) / name, grid.to_yaml())
    write_comparison(comparison)
    return comparison


@dataclass
class _Plan:
    """A cell, what its results are filed under, and what became of it."""

    cell: Cell
    keys: Mapping[str, str] = field(default_factory=dict)
    outcome: Outcome | None = None

    def entry(self) -> Entry:
        assert self.outcome is not None  # every plan is finished, or failed before
        return Entry(self.cell, self.outcome)


@dataclass
class _Runs:
    root: Path
    jobs: int | None
    threads: int
    progress: Progress
    plans: list[_Plan]
    fingerprints: dict[str, str] = field(default_factory=dict)
    on_cpu: bool = True

    def look_at_inputs(self) -> None:
        """Find out under which keys results are filed; data that are missing fail a run."""
        with self.progress.task("looking at the runs' data", total=len(self.plans)) as advance:
            for plan in self.plans:
                try:
                    pipeline = open_pipeline(
                        plan.cell.spec, self.root, fingerprints=self.fingerprints
                    )
                    plan.keys = pipeline.keys
                    self.on_cpu &= pipeline.device.type == "cpu"
                except CausalxaiError as error:
                    self._note(plan, Outcome(str(error)))
                advance(1)

    def drop_results(self) -> None:
        """Forget all results of these runs."""
        store = Store(self.root / ".store")
        for plan in self.plans:
            for stage, key in plan.keys.items():
                store.drop(stage, key)

    def compute_what_is_shared(self) -> None:
        """Compute what several runs need before two of them do so at the same time."""
        store = Store(self.root / ".store")
        for stage in _SHARED:
            groups: dict[str, list[_Plan]] = defaultdict(list)
            for plan in self._open():
                if stage in plan.keys and not store.has("report", plan.keys["report"]):
                    groups[plan.keys[stage]].append(plan)
            shared = [
                group
                for key, group in groups.items()
                if len(group) > 1 and not store.has(stage, key)
            ]
            tasks = [(_compute_stage, group[0].cell.spec, stage) for group in shared]
            for index, outcome in self._parallel(tasks, f"{stage}: shared by several runs"):
                if outcome.reason:
                    for plan in shared[index]:
                        self._note(plan, outcome)

    def finish(self) -> None:
        """Do the runs."""
        plans = self._open()
        tasks = [(_run, plan.cell.spec, "") for plan in plans]
        for done, (index, outcome) in enumerate(self._parallel(tasks, "runs"), start=1):
            self._note(plans[index], outcome)
            _logger.info("%s (%d of %d runs)", plans[index].cell, done, len(plans))

    def _open(self) -> list[_Plan]:
        return [plan for plan in self.plans if plan.outcome is None]

    def _note(self, plan: _Plan, outcome: Outcome) -> None:
        plan.outcome = outcome
        if outcome.reason:
            _logger.warning("%s: failed: %s", plan.cell, outcome.reason)

    def _parallel(
        self, tasks: Sequence[tuple[Callable[..., Outcome], ResolvedSpec, str]], label: str
    ) -> Iterator[tuple[int, Outcome]]:
        """Yield outcomes as they come, with the places of their tasks."""
        if not tasks:
            return
        call = joblib.delayed(_numbered)
        calls = (
            call(index, work, self.threads, (spec, stage, self.root, self.fingerprints))
            for index, (work, spec, stage) in enumerate(tasks)
        )
        parallel = joblib.Parallel(
            n_jobs=min(self._jobs(), len(tasks)), batch_size=1, return_as="generator_unordered"
        )
        with self.progress.task(label, total=len(tasks)) as advance:
            try:
                for index, outcome in parallel(calls):
                    advance(1)
                    yield index, outcome
            except BrokenProcessPool as error:
                raise CausalxaiError(
                    "a process that ran part of the comparison was killed; was there too little "
                    "memory? The same command, with fewer --jobs, goes on from here"
                ) from error

    def _jobs(self) -> int:
        if self.jobs is not None:
            return self.jobs
        cores = joblib.cpu_count() // self.threads if self.on_cpu else 1
        return max(1, cores, int(joblib.effective_n_jobs(None)))


def _numbered(
    index: int, work: Callable[..., Outcome], threads: int, arguments: tuple[object, ...]
) -> tuple[int, Outcome]:
    with _threads(threads):
        try:
            return index, work(*arguments)
        except CausalxaiError as error:
            return index, Outcome(str(error))
        except Exception as error:
            # A plugin may be a stranger's code; hours of the other runs' work must not end with it.
            _logger.warning("a run failed", exc_info=error)
            return index, Outcome(f"{type(error).__name__}: {error}")


def _compute_stage(
    spec: ResolvedSpec, stage: str, root: Path, fingerprints: dict[str, str]
) -> Outcome:
    with exact_convolutions():
        open_pipeline(spec, root, fingerprints=fingerprints).result(Stage(stage))
    return Outcome()


def _run(spec: ResolvedSpec, _: str, root: Path, fingerprints: dict[str, str]) -> Outcome:
    finished = execute(spec, out=root, fingerprints=fingerprints)
    pipeline = finished.pipeline
    return Outcome(
        directory=finished.directory,
        metrics=pipeline.metrics,
        fit=pipeline.report.fit,
        costs=pipeline.costs,
        computed=tuple(pipeline.computed),
    )


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch and NumPy's libraries use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
