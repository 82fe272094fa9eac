"""Runs all cells of a grid: the stages of all runs as one graph of jobs, each result once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import joblib

from causalxai.classifier import Classifier
from causalxai.comparison.backends import Workers, can_fork, check_backend, workers
from causalxai.comparison.jobs import Batch, Job, JobGraph
from causalxai.comparison.methods import spec_of_methods
from causalxai.comparison.result import Comparison
from causalxai.comparison.rows import Entry, Outcome
from causalxai.comparison.scheduling import do_all
from causalxai.comparison.work import Answer, Task, do, import_libraries
from causalxai.comparison.writing import write_comparison
from causalxai.config import Cell, Source, Stage, load_grid
from causalxai.errors import CausalxaiError
from causalxai.metric import MetricResult
from causalxai.pipeline.execution import exact_convolutions, open_pipeline
from causalxai.pipeline.rendering import REPORT
from causalxai.progress import SILENT, Advance, Progress
from causalxai.storage.shared_store import open_store
from causalxai.storage.store import digest

_TRAINED = (Stage.CLASSIFIER, Stage.CONCEPTS)

_logger = logging.getLogger(__name__)


def compare(
    specs: Source | Sequence[Source] | Classifier,
    data: object = None,
    *,
    methods: str | Sequence[str] | None = None,
    overrides: Sequence[str] = (),
    out: str | Path = "runs",
    store: str | None = None,
    jobs: int | None = None,
    threads: int | None = None,
    backend: str | None = None,
    address: str | None = None,
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
    store
        Where results are kept for other machines as well: a URL that fsspec knows, such as
        ``s3://bucket/results`` or ``file:///mnt/results``. The machines of a cluster then share
        this place, and ``out`` may be a folder of each machine's own.
    jobs
        The number of jobs at a time: stages, metrics and reports of the runs, each of which begins
        as soon as all that it needs is done. The default is the number of cores, or of the
        cluster's threads, divided by ``threads``, and one on an accelerator. The results are the
        same with any number of jobs.
    threads
        The CPU threads of each job: by default one, or all where objects in memory are explained,
        whose jobs are done one after the other. They influence rounding slightly; earlier results
        with another number of threads are reused nevertheless, and ``Comparison.threads`` lists the
        numbers.
    backend
        Where the jobs are done: by ``threading`` in processes that fork off this one, which is the
        default on CPUs under Linux; by ``loky`` in new processes of this machine, the default
        elsewhere; by ``dask`` or ``ray`` on a cluster, whose machines share ``out`` or a ``store``.
    address
        The address of the cluster's scheduler, such as ``tcp://10.0.0.1:8786``. Without it, dask
        and ray start a cluster on this machine.
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
    check_backend(backend, address)
    if methods is not None or isinstance(specs, Classifier):
        specs = spec_of_methods(specs, data, methods or (), **settings)
    elif settings or data is not None:
        given = ", ".join(["data"] * (data is not None) + list(settings))
        raise TypeError(f"{given}: these are for a comparison of methods=[...]")
    all_overrides = [*overrides, "sanity=true"] if sanity else overrides
    grid = load_grid(specs, all_overrides, trust_code=trust_code)
    if any(cell.spec.live for cell in grid.cells):
        # Objects are not sent to other processes: a child that forks off has them already.
        if backend is not None:
            raise CausalxaiError(
                f"backend {backend}: objects in memory are explained by this process and its "
                "children; leave the backend out"
            )
        jobs, threads = 1, threads or joblib.cpu_count()
    open_store(Path(out), store)
    plans = [_Plan(cell) for cell in grid.cells]
    runs = _Runs(Path(out), store, threads or 1, progress, plans)
    runs.look_at_inputs()
    if fresh:
        runs.drop_results()
    with workers(backend, jobs, address, threads=runs.threads, on_cpu=runs.on_cpu) as found:
        runs.finish(found)
    runs.write_what_others_wrote()
    entries = tuple(plan.entry() for plan in runs.plans)
    keys = [plan.keys.get("report", plan.cell.spec.to_yaml()) for plan in runs.plans]
    labels = [dict(plan.cell.labels) for plan in runs.plans]
    name = f"{grid.name}-comparison-{digest({'labels': labels, 'runs': keys})[:8]}"
    comparison = Comparison(grid.name, grid.axes, entries, Path(out) / name, grid.to_yaml())
    write_comparison(comparison)
    return comparison


@dataclass
class _Plan:
    """A cell, the keys of its results, what is known of them, and its outcome."""

    cell: Cell
    keys: Mapping[str, str] = field(default_factory=dict)
    computed: list[str] = field(default_factory=list)
    scores: dict[str, MetricResult] = field(default_factory=dict)
    outcome: Outcome | None = None

    def entry(self) -> Entry:
        assert self.outcome is not None  # every plan is finished, or failed before
        return Entry(self.cell, self.outcome)


@dataclass
class _Runs:
    root: Path
    store: str | None
    threads: int
    progress: Progress
    plans: list[_Plan]
    fingerprints: dict[str, str] = field(default_factory=dict)
    on_cpu: bool = True

    def look_at_inputs(self) -> None:
        """Find the keys of all results; a run whose data are missing fails."""
        with self.progress.task("checking the data of the runs", total=len(self.plans)) as advance:
            for plan in self.plans:
                try:
                    pipeline = open_pipeline(
                        plan.cell.spec,
                        self.root,
                        fingerprints=self.fingerprints,
                        store=self.store,
                    )
                    with exact_convolutions():
                        plan.keys = pipeline.keys
                    self.on_cpu &= pipeline.device.type == "cpu"
                except CausalxaiError as error:
                    self._note(plan, Outcome(str(error)))
                advance(1)

    def drop_results(self) -> None:
        """Delete all results of these runs."""
        store = open_store(self.root, self.store)
        for plan in self.plans:
            for stage, key in plan.keys.items():
                store.drop(stage, key)

    def finish(self, found: Workers) -> None:
        """Do the jobs of all runs."""
        store = open_store(self.root, self.store)
        graph = JobGraph([plan.keys for plan in self.plans], lambda job: store.has(*job))
        total = len(graph)
        # Of runs whose other results are all there, only the report is left.
        if can_fork(on_cpu=self.on_cpu) and total > len(self.plans):
            import_libraries(training=not graph.stages.isdisjoint(_TRAINED))

        def submit(batch: Batch) -> Future[Answer]:
            return found.submit(do, self._task(batch))

        with self.progress.task("stages of the runs", total=total) as advance:
            do_all(graph, found, submit, partial(self._take, graph, advance))

    def write_what_others_wrote(self) -> None:
        """Write the directories of runs whose reports another machine made in its own folder."""
        for run, plan in enumerate(self.plans):
            assert plan.outcome is not None  # every run is finished, or failed
            directory = plan.outcome.directory
            if directory is None or (directory / "report.html").is_file():
                continue
            report = Batch(run, (Job(REPORT, plan.keys[REPORT]),), first=True, alone=True)
            answer = do(self._task(report))
            if answer.outcome is None:
                self._note(plan, Outcome(answer.reason))

    def _task(self, batch: Batch) -> Task:
        plan = self.plans[batch.run]
        return Task(
            batch,
            plan.cell.spec,
            self.root,
            self.fingerprints,
            plan.scores,
            self.threads,
            self.on_cpu,
            self.store,
        )

    def _take(self, graph: JobGraph, advance: Advance, batch: Batch, answer: Answer) -> None:
        """Take note of what became of a batch."""
        plan = self.plans[batch.run]
        plan.computed += answer.computed
        plan.scores |= answer.scores
        advance(len(answer.done))
        for run, reason in graph.failed.items():
            if self.plans[run].outcome is None:
                self._note(self.plans[run], Outcome(reason))
        if answer.outcome is not None:
            for run in graph.runs(answer.done[-1]):
                computed = tuple(self.plans[run].computed)
                self._note(self.plans[run], replace(answer.outcome, computed=computed))

    def _note(self, plan: _Plan, outcome: Outcome) -> None:
        plan.outcome = outcome
        if outcome.reason:
            _logger.warning("%s: failed: %s", plan.cell, outcome.reason)
        done = sum(each.outcome is not None for each in self.plans)
        _logger.info("%s (%d of %d runs)", plan.cell, done, len(self.plans))
