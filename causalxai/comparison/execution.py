"""Runs all cells of a grid in parallel; stages that several runs share are computed once."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import joblib
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from causalxai.classifier import Classifier
from causalxai.comparison.methods import spec_of_methods
from causalxai.comparison.result import Comparison
from causalxai.comparison.rows import Entry, Outcome
from causalxai.comparison.writing import write_comparison
from causalxai.config import Cell, ResolvedSpec, Source, Stage, load_grid
from causalxai.errors import CausalxaiError
from causalxai.pipeline.execution import exact_convolutions, execute, open_pipeline
from causalxai.plugin.guard import in_words
from causalxai.process import end_with_parent
from causalxai.progress import SILENT, Progress
from causalxai.storage.store import Store, digest
from causalxai.supervision import EndedError, apart

Result = TypeVar("Result")

_SHARED = (Stage.CLASSIFIER, Stage.CONCEPTS, Stage.GRAPH, Stage.EXPLAIN)
"""The stages whose results are stored, so that runs may share them."""

_logger = logging.getLogger(__name__)


def compare(
    specs: Source | Sequence[Source] | Classifier,
    data: object = None,
    *,
    methods: str | Sequence[str] | None = None,
    overrides: Sequence[str] = (),
    out: str | Path = "runs",
    jobs: int | None = None,
    threads: int | None = None,
    progress: Progress = SILENT,
    fresh: bool = False,
    sanity: bool = False,
    trust_code: bool = False,
    **settings: object,
) -> Comparison:
    """Run the grid of a spec, or several specs, and write the comparison.

    ``compare(classifier, data, methods=["interventional", "grad-cam", "random"])`` compares methods
    and explainers by their names, on objects that are in memory.

    All results are kept in the store of ``out``: stages that runs share are computed once, and an
    interrupted comparison continues where it stopped. A run that fails does not stop the others;
    the table has the reason.

    Parameters
    ----------
    specs
        A YAML file or a mapping, with ``vary`` for a grid of runs. If there are several, each is a
        label of the axis ``spec``. Or, with ``methods``, a ``Classifier``.
    data
        The ``Dataset`` of the classifier.
    methods
        The names of method presets and explainers; controls among them are marked as such.
    overrides
        Settings such as ``"graph.tau=2"`` for all runs; the axes override them.
    out
        The folder of the runs and the comparison.
    jobs
        The number of runs at a time. The default is the number of cores divided by ``threads``,
        and one on an accelerator. Under ``joblib.parallel_config`` the runs go to its backend.
    threads
        The CPU threads of each run: by default one, or all where objects in memory are explained,
        whose runs are done one after the other. They influence rounding slightly; earlier results
        with another number of threads are reused nevertheless, and ``Comparison.threads`` lists the
        numbers.
    progress
        Receives reports on the progress of long work.
    fresh
        Whether to delete the results of earlier runs first.
    sanity
        The same as ``sanity: true`` in all specs: whether each run, except controls, has the
        metric ``sanity``, which checks that its explanation changes when the classifier's weights
        are shuffled.
    trust_code
        Whether spec files may name code to run, as the classifier ``module`` does. Mappings and
        the overrides are your own, and may.
    **settings
        With ``methods``: further keys of the spec, as for ``causalxai.explain``: ``images``,
        ``metrics`` (by default all metrics of the methods), ``seed``, ``name``, ``budget``.

    Raises
    ------
    SpecError
        If the spec of any run has mistakes; nothing is run then.
    CausalxaiError
        If the runs cannot be written, or a process that ran some was killed.
    """
    if methods is not None or isinstance(specs, Classifier):
        specs = spec_of_methods(specs, data, methods or (), **settings)
    elif settings or data is not None:
        given = ", ".join(["data"] * (data is not None) + list(settings))
        raise TypeError(f"{given}: these are for a comparison of methods=[...]")
    all_overrides = [*overrides, "sanity=true"] if sanity else overrides
    grid = load_grid(specs, all_overrides, trust_code=trust_code)
    if any(cell.spec.live for cell in grid.cells):
        # Objects are not sent to other processes: a child that forks off has them already.
        jobs, threads = 1, threads or joblib.cpu_count()
    runs = _Runs(Path(out), jobs, threads or 1, progress, [_Plan(cell) for cell in grid.cells])
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
    """A cell, the keys of its results, and its outcome."""

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
        """Return the cells with the keys of their results; a run whose data are missing fails."""
        with self.progress.task("checking the data of the runs", total=len(self.plans)) as advance:
            for plan in self.plans:
                try:
                    pipeline = open_pipeline(
                        plan.cell.spec, self.root, fingerprints=self.fingerprints
                    )
                    with exact_convolutions():
                        plan.keys = pipeline.keys
                    self.on_cpu &= pipeline.device.type == "cpu"
                except CausalxaiError as error:
                    self._note(plan, Outcome(str(error)))
                advance(1)

    def drop_results(self) -> None:
        """Delete all results of these runs."""
        store = Store(self.root / ".store")
        for plan in self.plans:
            for stage, key in plan.keys.items():
                store.drop(stage, key)

    def compute_what_is_shared(self) -> None:
        """Compute the stages that several runs share, before runs would compute them twice."""
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
        """Yield outcomes as they are finished, with the indices of their tasks."""
        if not tasks:
            return
        call = joblib.delayed(_numbered)
        calls = (
            call(
                index,
                partial(work, spec, stage, self.root, self.fingerprints),
                self.threads,
                on_cpu=self.on_cpu,
            )
            for index, (work, spec, stage) in enumerate(tasks)
        )
        parallel = joblib.Parallel(
            n_jobs=min(self._jobs(), len(tasks)),
            batch_size=1,
            return_as="generator_unordered",
            # Workers of joblib's own backend; other backends ignore it.
            initializer=end_with_parent,
            initargs=(os.getpid(),),
        )
        with self.progress.task(label, total=len(tasks)) as advance:
            try:
                for index, outcome in parallel(calls):
                    advance(1)
                    yield index, outcome
            except BrokenProcessPool as error:
                raise CausalxaiError(
                    "a process that ran part of the comparison was killed, perhaps for lack of "
                    "memory; run the same command with fewer --jobs to continue from here"
                ) from error

    def _jobs(self) -> int:
        if self.jobs is not None:
            return self.jobs
        cores = joblib.cpu_count() // self.threads if self.on_cpu else 1
        return max(1, cores, int(joblib.effective_n_jobs(None)))


def _numbered(
    index: int, work: Callable[[], Outcome], threads: int, *, on_cpu: bool
) -> tuple[int, Outcome]:
    """Return the outcome of a run, which is a failure if it ended its process."""
    told = partial(_told, work, threads)
    try:
        # A child cannot use an accelerator that its parent has looked at.
        return index, apart(told, own_thread=threads > 1) if on_cpu else told()
    except EndedError as error:
        return index, Outcome(str(error))


def _told(work: Callable[[], Outcome], threads: int) -> Outcome:
    """Return the outcome of a run, with the reason if it raises anything."""
    with _threads(threads):
        try:
            return work()
        except KeyboardInterrupt:
            raise
        except CausalxaiError as error:
            return Outcome(str(error))
        except BaseException as error:
            # A plugin may be third-party code; its errors must not stop the other runs.
            return Outcome(in_words(error))


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
    """Limit the threads of torch and of NumPy's libraries."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
