"""Runs a spec and writes all results into one directory."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from causalxai.capabilities import Capability, needed
from causalxai.classifier import Classifier
from causalxai.concept_space import ConceptSpace
from causalxai.config import ResolvedSpec, load_spec
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.graph import CausalGraph
from causalxai.live.classifier import LiveClassifier
from causalxai.metric import MetricResult
from causalxai.oracle import Oracle
from causalxai.pipeline.early_checks import path_mistakes, refuse
from causalxai.pipeline.log_file import logged_to
from causalxai.pipeline.new_images import explain_images
from causalxai.pipeline.provenance import provenance_of
from causalxai.pipeline.rendering import REPORT
from causalxai.pipeline.stage_results import Fresh
from causalxai.pipeline.stages import Pipeline
from causalxai.plotting import PlotsRun
from causalxai.progress import SILENT, Progress
from causalxai.report.notebook import in_cell
from causalxai.report.page import Report, render_summary
from causalxai.storage.shared_store import open_store
from causalxai.storage.store import write_record
from causalxai.storage.writing import delete_leftovers, new_folder, writing_to

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run(PlotsRun):
    """A finished run.

    Parameters
    ----------
    directory
        The folder of ``report.html``, ``results.json``, ``concepts.json``, ``spec.yaml``,
        ``provenance.json``, the graph in three formats and the explanation (if the run has them),
        the report's ``figures`` and ``log.txt``.
    pipeline
        The stages and their results, for further work.
    """

    directory: Path
    pipeline: Pipeline

    @property
    def report(self) -> Path:
        """The report, one HTML file."""
        return self.directory / "report.html"

    @property
    def metrics(self) -> dict[str, MetricResult]:
        """The scores by name."""
        return {result.metric: result for result in self.pipeline.metrics}

    @property
    def graph(self) -> CausalGraph:
        """The discovered graph; CapabilityError if the run has none."""
        return needed(self.pipeline.graph, Capability.GRAPH)

    @property
    def explanation(self) -> Explanation:
        """The explanation of the selected images; CapabilityError if the run has none."""
        if self.pipeline.explanation is None:
            raise CapabilityError("this run explains nothing: its spec has no 'explain'")
        return self.pipeline.explanation

    @property
    def classifier(self) -> Classifier:
        """The classifier that is explained."""
        return self.pipeline.classifier

    @property
    def dataset(self) -> Dataset:
        """The data set."""
        return self.pipeline.dataset

    @property
    def space(self) -> ConceptSpace:
        """The fitted concept space; CapabilityError if the run has none."""
        return needed(self.pipeline.space, Capability.CONCEPTS)

    @property
    def oracle(self) -> Oracle:
        """The oracle, for questions of your own; CapabilityError if the run has none."""
        return needed(self.pipeline.oracle, Capability.ORACLE)

    @property
    def spec(self) -> ResolvedSpec:
        """The spec with all defaults; ``spec.live`` names the parts that no file can hold."""
        return self.pipeline.spec

    def explain(
        self, images: Tensor | Split, target: int | str | Sequence[int] | Tensor | None = None
    ) -> Explanation:
        """Explain other images as this run explained its own; nothing is trained anew.

        Parameters
        ----------
        images
            ``[n, c, h, w]`` in [0, 1], or a split.
        target
            The class to explain: an index or a name for all images, or an index for each; by
            default the one that the network predicts.

        Raises
        ------
        CapabilityError
            If the run explains nothing, or there is no such class.
        DataError
            If the images are not of the kind that the classifier takes.
        """
        with exact_convolutions():
            return explain_images(self.pipeline, images, target)

    def __repr__(self) -> str:
        scores = [
            f"{name} {result.status if result.estimate is None else f'{result.estimate.value:.3f}'}"
            for name, result in self.metrics.items()
        ]
        return f"Run({', '.join([str(self.directory), *scores])})"

    def _repr_html_(self) -> str:
        """Return the scores, the first figure and where the report is, as a notebook shows them."""
        pipeline = self.pipeline
        summary = render_summary(
            self.spec, graph=pipeline.graph, metrics=pipeline.metrics, report=pipeline.report
        )
        return in_cell(summary, self.report)

    def summary(self) -> dict[str, Any]:
        """Return plain JSON: directory, report, fit of the concepts, metrics, reused stages."""
        return {
            "directory": str(self.directory),
            "report": str(self.report),
            "concepts": dict(self.pipeline.report.fit),
            "metrics": {name: _brief(result) for name, result in self.metrics.items()},
            "computed": list(self.pipeline.computed),
            "reused": list(self.pipeline.reused),
        }


def run(
    spec: str | Path | Mapping[str, Any],
    *,
    overrides: Sequence[str] = (),
    out: str | Path = "runs",
    store: str | None = None,
    progress: Progress = SILENT,
    fresh: Fresh = "nothing",
    trust_code: bool = False,
) -> Run:
    """Run a spec: compute the stages that are not stored yet, and write the report.

    Parameters
    ----------
    spec
        A YAML file, or a dictionary with the same content.
    overrides
        Settings such as ``"graph.tau=2"``, as after ``--set`` on the command line.
    out
        The folder of the runs, each of which has a directory. Results that later runs can reuse
        are kept in ``.store`` in this folder.
    store
        Where results are kept for other machines as well: a URL that fsspec knows, such as
        ``s3://bucket/results`` or ``file:///mnt/results``.
    progress
        Receives reports on the progress of long work.
    fresh
        What to compute again although it is stored: ``nothing``, only the ``report`` (all other
        results must then be in the store), or ``everything``.
    trust_code
        Whether a spec file may name code to run, as the classifier ``module`` does. A dictionary
        and the overrides are your own, and may.

    Raises
    ------
    SpecError
        If the spec has mistakes; the message lists all of them.
    NotStoredError
        If only the report is computed again, but a result that it shows is not in the store.
    CausalxaiError
        If data are missing, parts do not fit together, or ``out`` cannot be written to.
    """
    resolved = load_spec(spec, overrides, trust_code=trust_code)
    return execute(resolved, out=out, store=store, progress=progress, fresh=fresh)


def execute(
    spec: ResolvedSpec,
    *,
    out: str | Path = "runs",
    store: str | None = None,
    progress: Progress = SILENT,
    fresh: Fresh = "nothing",
    fingerprints: MutableMapping[str, str] | None = None,
) -> Run:
    """Run a resolved spec, as ``run`` does; ``fingerprints`` are as for ``Pipeline``."""
    root = Path(out)
    pipeline = open_pipeline(spec, root, progress, fresh, fingerprints, store)
    with exact_convolutions():
        # For the keys, a stored network of the user's may be asked for its answers.
        directory = run_directory(root, pipeline)
        if fresh == "report":
            pipeline.require_results()
    with working_in(directory, pipeline):
        return finished(directory, pipeline)


@contextmanager
def working_in(directory: Path, pipeline: Pipeline, *, append: bool = False) -> Iterator[None]:
    """Make a run's directory, and compute stages in the block, with their log in the directory.

    Parameters
    ----------
    directory
        The directory of the run.
    pipeline
        Its stages.
    append
        Whether to keep what is in the log.

    Raises
    ------
    DataError
        If the directory or the log cannot be written.
    """
    with writing_to(directory):
        directory.mkdir(parents=True, exist_ok=True)
    with logged_to(directory / "log.txt", append=append), exact_convolutions():
        _logger.info("run %s on %s", pipeline.spec.name, pipeline.device)
        yield


def finished(directory: Path, pipeline: Pipeline) -> Run:
    """Compute what a run still lacks, and write all its files into its directory."""
    report = pipeline.report
    pipeline.tell_of_chance()
    _write(directory, pipeline, report)
    return Run(directory, pipeline)


def open_pipeline(
    spec: ResolvedSpec,
    root: Path,
    progress: Progress = SILENT,
    fresh: Fresh = "nothing",
    fingerprints: MutableMapping[str, str] | None = None,
    store: str | None = None,
) -> Pipeline:
    """Return the pipeline of a spec, with the store of the runs in ``root``, shared or not.

    Raises
    ------
    SpecError
        If a file or a folder that the spec names is not there.
    CapabilityError
        If ``fresh`` is something else.
    """
    if fresh not in get_args(Fresh):
        known = ", ".join(get_args(Fresh))
        raise CapabilityError(f"fresh: should be one of {known}, not {fresh!r}")
    refuse(spec, path_mistakes(spec))
    return Pipeline(
        spec,
        open_store(root, store),
        device=_device_of(spec),
        progress=progress,
        fresh=fresh,
        fingerprints=fingerprints,
    )


def run_directory(root: Path, pipeline: Pipeline) -> Path:
    """Return the directory of a run."""
    return root / f"{pipeline.spec.name}-{pipeline.keys['report'][:8]}"


def _write(directory: Path, pipeline: Pipeline, report: Report) -> None:
    """Write all files of a run under a temporary name, and move them into its directory."""
    with pipeline.store.locked(REPORT, pipeline.keys[REPORT]), writing_to(directory):
        # Whoever writes holds the lock, so that these are of processes that were killed.
        delete_leftovers(directory.parent, directory.name)
        _write_files(directory, pipeline, report)


def _write_files(directory: Path, pipeline: Pipeline, report: Report) -> None:
    with new_folder(directory.parent, directory.name) as new:
        (new / "figures").mkdir()
        for name, content in report.figures.items():
            (new / "figures" / name).write_bytes(content)
        (new / "spec.yaml").write_text(pipeline.spec.to_yaml(), encoding="utf-8")
        results = {result.metric: result.to_json() for result in pipeline.metrics}
        _write_json(new / "results.json", results)
        _write_json(new / "concepts.json", dict(report.fit))
        _write_json(new / "provenance.json", provenance_of(pipeline))
        if pipeline.graph is not None:
            _save_graph(pipeline.graph, new)
        if pipeline.explanation is not None:
            (new / "explanation").mkdir()
            write_record(new / "explanation", pipeline.explanation.to_record())
        (new / "report.html").write_text(report.html, encoding="utf-8")
        for path in sorted(path for path in new.rglob("*") if path.is_file()):
            target = directory / path.relative_to(new)
            target.parent.mkdir(exist_ok=True)
            path.replace(target)


def _save_graph(graph: CausalGraph, folder: Path) -> None:
    """Write a graph in all formats; GraphML cannot store every character that a name may have."""
    for suffix in ("json", "graphml", "dot"):
        try:
            graph.save(folder / f"graph.{suffix}")
        except ValueError as error:
            _logger.warning("graph.%s is not written: %s", suffix, error)


def _write_json(path: Path, value: object) -> None:
    path.write_text(
        json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def _brief(result: MetricResult) -> dict[str, Any]:
    estimate, chance = result.estimate, result.chance
    return {
        "status": result.status,
        "reason": result.reason,
        "value": estimate and estimate.value,
        "interval": [estimate.low, estimate.high] if estimate else None,
        "n": estimate and estimate.n,
        "chance": chance and chance.value,
        "higher_is_better": result.higher_is_better,
        "controls": {name: control.value for name, control in result.controls.items()},
    }


def _device_of(spec: ResolvedSpec) -> torch.device:
    """Return the device of a run: that of a classifier in memory, if the spec leaves it open."""
    given = spec.classifier.config
    if spec.device == "auto" and isinstance(given, LiveClassifier.Config):
        return given.classifier.device
    return _device(spec.device)


def _device(name: str) -> torch.device:
    """Return the device that a spec names; ``auto`` is an accelerator if there is one."""
    if name == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        return found or torch.device("cpu")
    device = torch.device(name)
    there = {
        "cpu": True,
        "cuda": (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there[device.type]:
        raise CapabilityError(f"device: {name}: this machine has no such device; try device: auto")
    return device


@contextmanager
def exact_convolutions() -> Iterator[None]:
    """Make cuDNN compute convolutions in full float32 precision and deterministically."""
    # By default convolutions use TF32, which keeps 10 of 23 bits. Its rounding error is often
    # larger than the effect of a single parameter.
    cudnn = torch.backends.cudnn
    before = {"deterministic": cudnn.deterministic}
    try:
        before["allow_tf32"] = cudnn.allow_tf32
    except RuntimeError:
        _logger.warning("cuDNN's precision is set for single operators and is not changed")
    exact = {"deterministic": True, "allow_tf32": False}
    try:
        for name in before:
            setattr(cudnn, name, exact[name])
        yield
    finally:
        for name, value in before.items():
            setattr(cudnn, name, value)
