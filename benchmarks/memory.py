"""How much memory each stage of a run takes, beside the limit that its spec sets.

A folder of images, which do not fit into the limit, is made in a temporary place. Each run is a
process of its own: it first runs the same spec on a few images, so that all code is loaded and all
threads are started, and then measures how far the resident set rises above that while each stage
computes.

    python benchmarks/memory.py [--count 4000] [--size 128] [--memory-mb 1024] [RUN ...]

A run is one of ``RUNS`` below; by default, all are measured. One JSON line tells of each stage.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from large_folder import CLASSES, small_network, write_images

from causalxai.config import load_spec
from causalxai.pipeline.stages import Pipeline
from causalxai.progress import SILENT
from causalxai.storage.store import Store

MIB = 2**20
ALLOWED = 1.15
"""How far a peak may be above the limit, because allocators and libraries keep some memory."""

_FEW = 96

RUNS: dict[str, dict[str, Any]] = {
    "saliency": {"method": "saliency"},
    "craft": {"method": "craft", "concepts": {"images": 400}},
    "dvae": {
        "method": "dvae",
        "concepts": {
            "autoencoder": {"bits": 4, "steps": 8},
            "generator": {"steps": 8, "batch_size": 8},
        },
    },
    "interventional": {"method": "interventional"},
    "glance": {
        "concepts": {"use": "glance", "latents": 4, "steps": 8, "batch_size": 4, "channels": 8},
        "oracle": "glance",
        "explain": "single-effects",
    },
    "training": {
        "classifier": {"use": "lenet", "epochs": 1, "batch_size": 16},
        "method": "saliency",
    },
}
"""Specs by name; where none is given, the classifier is a small network with fixed weights."""


@dataclass(frozen=True)
class Peak:
    """What one stage took.

    Parameters
    ----------
    run, stage
        Which.
    peak_mb
        How far the resident set rose above that before the first stage, in MiB.
    limit_mb
        ``memory_mb`` of the spec.
    """

    run: str
    stage: str
    peak_mb: float
    limit_mb: int

    @property
    def keeps(self) -> bool:
        """Whether the stage kept to the limit."""
        return self.peak_mb <= ALLOWED * self.limit_mb


def main() -> None:
    """Measure the runs and print what their stages took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="RUN", help=", ".join(RUNS))
    parser.add_argument("--count", type=int, default=4000, help="the number of images")
    parser.add_argument("--size", type=int, default=128, help="height and width of the images")
    parser.add_argument("--memory-mb", type=int, default=1024, help="the limit of the runs")
    parser.add_argument("--folder", type=Path, help="measure one run, here, on these images")
    options = parser.parse_args()
    runs = options.runs or list(RUNS)
    if options.folder:
        for peak in measured(runs[0], options.folder, options.size, options.memory_mb):
            print(json.dumps(asdict(peak)), flush=True)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "photos")
        write_images(folder, options.count, options.size)
        for run in runs:
            for peak in peaks_of(run, folder, options.size, options.memory_mb):
                print(json.dumps({**asdict(peak), "keeps": peak.keeps}), flush=True)


def peaks_of(run: str, folder: Path, size: int, memory_mb: int) -> list[Peak]:
    """Return what the stages of a run took, in a process of its own."""
    command = [
        *(sys.executable, __file__, run, "--folder", str(folder)),
        *("--size", str(size), "--memory-mb", str(memory_mb)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{run} failed:\n{done.stderr}")
    return [Peak(**json.loads(line)) for line in done.stdout.splitlines()]


def measured(run: str, folder: Path, size: int, memory_mb: int) -> Iterator[Peak]:
    """Yield what each stage of a run takes in this process."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        few = Path(place, "few")
        write_images(few, _FEW, size)
        for _ in stages(pipeline_of(run, few, size, memory_mb, Path(place, "warm"))):
            pass
        rest = settled()
        for stage in stages(pipeline_of(run, folder, size, memory_mb, Path(place, "run"))):
            yield Peak(run, stage, (peak() - rest) / MIB, memory_mb)
            settled()


def pipeline_of(run: str, folder: Path, size: int, memory_mb: int, place: Path) -> Pipeline:
    """Return the pipeline of a run on a folder of images."""
    dataset = {"use": "image-folder", "path": str(folder), "size": size}
    spec: dict[str, Any] = {"causalxai": 1, "name": run, "dataset": dataset, **RUNS[run]}
    if "classifier" not in spec:
        spec["classifier"] = small_network(CLASSES, (3, size, size))
    resolved = load_spec({**spec, "memory_mb": memory_mb, "images": {"count": 6}})
    return Pipeline(resolved, Store(place), device=torch.device("cpu"), progress=SILENT)


def stages(pipeline: Pipeline) -> Iterator[str]:
    """Compute the stages one after the other; yield the name of each when it is done."""
    for stage in pipeline.spec.stages:
        pipeline.result(stage)
        yield str(stage)
    _ = pipeline.metrics
    yield "metrics"
    _ = pipeline.report
    yield "report"


def settled() -> int:
    """Give free memory back and forget the peak; return the resident set in bytes."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak() -> int:
    """Return the largest resident set since ``settled``, in bytes."""
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


if __name__ == "__main__":
    main()
