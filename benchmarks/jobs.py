"""What jobs cost: a thousand empty ones on each backend, and a comparison beside its stages alone.

Without a spec, each backend is given empty jobs, one after the other and each in a child process as
in a comparison. With a spec, it is compared anew with one job at a time and with several, each time
by the command in a process of its own. What the comparison adds is the time of the whole command,
imports included, beyond the sum of its stages. All modules are compiled before, as by pip when it
installs them. Each line is one JSON object; times are in seconds.

    python benchmarks/jobs.py [--backends threading loky dask] [--count 1000] [--jobs 2]
    python benchmarks/jobs.py specs/quickstart.yaml [--jobs 2]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any

from causalxai.comparison.backends import BACKENDS, can_fork, workers
from causalxai.supervision import apart

_ROOT = Path(__file__).resolve().parents[1]
_COMMAND = (sys.executable, "-c", "from causalxai.cli import main; main()", "compare")


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("spec", nargs="?", help="the spec of a comparison")
    add("--backends", nargs="+", default=["threading", "loky", "dask"], choices=BACKENDS)
    add("--count", type=int, default=1000, help="the number of empty jobs")
    add("--jobs", type=int, default=2, help="the number of jobs at a time")
    options = parser.parse_args()
    if options.spec is None:
        for backend in options.backends:
            print(json.dumps(of_empty_jobs(backend, options.count, options.jobs)), flush=True)
        return
    compile_modules()
    serial = of_comparison(options.spec, 1)
    print(json.dumps(serial), flush=True)
    parallel = of_comparison(options.spec, options.jobs)
    parallel["times as fast"] = round(serial["seconds"] / parallel["seconds"], 2)
    print(json.dumps(parallel), flush=True)


def of_empty_jobs(backend: str, count: int, jobs: int) -> dict[str, Any]:
    """Return what empty jobs took, without the start of the workers."""
    begin = time.perf_counter()
    with workers(backend, jobs, None, threads=1, on_cpu=True) as found:
        wait([found.submit(empty_job) for _ in range(jobs)])
        ready = time.perf_counter()
        running: set[Future[None]] = set()
        for _ in range(count):
            if len(running) == found.count:
                running = wait(running, return_when=FIRST_COMPLETED).not_done
            running.add(found.submit(empty_job))
        wait(running)
        done = time.perf_counter()
    return {
        "backend": backend,
        "empty jobs": count,
        "at a time": jobs,
        "start": round(ready - begin, 3),
        "seconds": round(done - ready, 3),
        "milliseconds per job": round(1000 * (done - ready) / count, 2),
    }


def empty_job() -> None:
    """Do nothing, as a comparison's job would: in a child process, where there can be one."""
    if can_fork(on_cpu=True):
        apart(_nothing)


def _nothing() -> None:
    return None


def compile_modules() -> None:
    """Compile causalxai's own modules and those of the plugins that come with it."""
    places = [str(_ROOT / "causalxai"), str(_ROOT / "plugins")]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *places], check=True)


def of_comparison(spec: str, jobs: int) -> dict[str, Any]:
    """Compare anew, and return the time of the whole command and of its stages."""
    with tempfile.TemporaryDirectory() as out:
        begin = time.perf_counter()
        done = _output([*_COMMAND, spec, "--out", out, "--jobs", str(jobs), "--json"])
        seconds = time.perf_counter() - begin
    stages = sum(
        run["costs"][stage]["seconds"]
        for run in json.loads(done.splitlines()[-1])["runs"]
        for stage in run["computed"]
        if stage in run["costs"]
    )
    return {
        "spec": spec,
        "jobs": jobs,
        "seconds": round(seconds, 1),
        "stages": round(stages, 1),
        "added": round(seconds / stages - 1, 3) if jobs == 1 else None,
    }


def _output(command: Sequence[str]) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


if __name__ == "__main__":
    main()
