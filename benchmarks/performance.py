"""Run all benchmarks of speed, and write their lines and the page that is made of them.

    python benchmarks/performance.py [--only oracle growth ...] [--quick]
        [--lines docs/performance.jsonl] [--page docs/performance.md] [--from-lines]

Each benchmark is a process of its own that prints JSON lines. Those that compute on one thread run
side by side, two at a time; the others run alone, after them. One that fails, or does not end
within its time, is told on the page. With ``--only``, the lines of the others stay as they are;
with ``--from-lines``, nothing is measured and the page is made again. ``--quick`` runs all in
small, to see that they work: its figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _page import page, read_lines, write_lines
from _page_sections import SECTIONS
from _power_law import power_law
from _timing import machine

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Benchmark:
    """A script that prints JSON lines.

    Parameters
    ----------
    name
        The name of its lines.
    script
        Its file.
    arguments
        Those of its measurement.
    minutes
        After which it is ended.
    alone
        Whether it uses both cores, so that no other may run beside it.
    quick
        Arguments in place of these, to try it in small.
    """

    name: str
    script: str
    minutes: float
    alone: bool = False
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ("--quick",)


BENCHMARKS = (
    Benchmark("oracle", "oracle.py", minutes=7.5),
    Benchmark("growth", "growth.py", minutes=1.5),
    Benchmark(
        "training", "training.py", minutes=2.5, arguments=("--rounds", "3"),
        quick=("--rounds", "1", "--cases", "twin-32px"),
    ),
    Benchmark(
        "graph_discovery", "graph_discovery.py", minutes=7.5,
        arguments=(
            "--scenarios", "growth-4,growth-10,growth-20,growth-50", "--on", "labels", "--n",
            "5000", "--models", "1", "--limit", "20", "--limit-of",
            "mdl-links=150", "mdl-order=150",
            "--methods", "mdl-links,mdl-order,ges,boss,direct-lingam,resit",
        ),
        quick=(
            "--scenarios", "growth-4", "--on", "labels", "--n", "200", "--models", "1",
            "--methods", "mdl,direct-lingam",
        ),
    ),
    Benchmark(
        "memory", "memory.py", minutes=4,
        arguments=("saliency", "dvae", "interventional", "--count", "2000"),
        quick=("saliency", "--count", "100", "--size", "64", "--memory-mb", "128"),
    ),
    Benchmark(
        "screened_report", "screened_report.py", minutes=4.5, alone=True,
        quick=("--layers", "_fc", "--screen", "5"),
    ),
    Benchmark(
        "large_folder", "large_folder.py", minutes=2, alone=True,
        quick=("--count", "120", "--size", "32"),
    ),
    Benchmark(
        "comparison", "jobs.py", minutes=5, alone=True, arguments=("specs/quickstart.yaml",),
        quick=("--count", "2", "--backends", "threading"),
    ),
    Benchmark(
        "empty_jobs", "jobs.py", minutes=1.8, alone=True,
        quick=("--count", "2", "--backends", "threading"),
    ),
)  # fmt: skip

_RUNNING: set[int] = set()
_SIDE_BY_SIDE = 2
_FEWEST_POINTS = 3


def main() -> None:
    arguments = _arguments()
    # Each benchmark has a session of its own, which no signal reaches that is sent to this one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_all)
    lines = read_lines(arguments.lines)
    if not arguments.from_lines:
        chosen = [one for one in BENCHMARKS if one.name in arguments.only]
        lines = merged(lines, [machine(), *measure_all(chosen, quick=arguments.quick)])
        write_lines(arguments.lines, lines)
    arguments.page.write_text(page(lines, SECTIONS), encoding="utf-8")


def measure_all(benchmarks: Sequence[Benchmark], *, quick: bool) -> list[dict[str, Any]]:
    """Run some benchmarks and return their lines, in the order of the benchmarks."""
    found: dict[str, list[dict[str, Any]]] = {}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        beside = [one for one in benchmarks if not one.alone]
        every = pool.map(lambda one: measure(one, quick=quick), beside)
        found |= {one.name: lines for one, lines in zip(beside, every, strict=True)}
    for one in benchmarks:
        if one.alone:
            found[one.name] = measure(one, quick=quick)
    return [line for one in benchmarks for line in found[one.name]]


def longest(benchmarks: Sequence[Benchmark]) -> float:
    """Return the minutes after which all have ended, if each takes as long as it may."""
    beside = [0.0] * _SIDE_BY_SIDE
    for one in benchmarks:
        if not one.alone:
            beside[beside.index(min(beside))] += one.minutes
    return max(beside) + sum(one.minutes for one in benchmarks if one.alone)


def measure(benchmark: Benchmark, *, quick: bool) -> list[dict[str, Any]]:
    """Run a benchmark, print its lines and return them, with one that says how long it took."""
    started = time.perf_counter()
    lines = []
    for line in run(benchmark, quick=quick):
        print(json.dumps(line), flush=True)
        lines.append(line)
    lines += growth_with_concepts(lines)
    seconds = round(time.perf_counter() - started, 1)
    date = machine()["date"]
    return [
        *lines,
        {"benchmark": "took", "of": benchmark.name, "seconds": seconds, "date": date},
    ]


def growth_with_concepts(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how the seconds of each method of graph discovery grow with the number of concepts.

    Parameters
    ----------
    lines
        Lines of any benchmark; those of the scenarios ``growth-D`` count, if the method did not
        take too long.
    """
    points: dict[str, dict[int, float]] = {}
    for line in lines:
        kind, _, concepts = str(line.get("scenario", "")).partition("-")
        if kind == "growth" and "seconds" in line:
            points.setdefault(line["method"], {})[int(concepts)] = line["seconds"]
    found = []
    for method, seconds in points.items():
        if len(seconds) >= _FEWEST_POINTS:
            fit = power_law(list(seconds), list(seconds.values()))
            found.append(
                {
                    "benchmark": "graph_discovery",
                    "case": method,
                    "exponent": round(fit.exponent, 2),
                    "standard_error": round(fit.standard_error, 2),
                    "at": list(seconds),
                    "seconds": list(seconds.values()),
                }
            )
    return found


def run(benchmark: Benchmark, *, quick: bool) -> Iterator[dict[str, Any]]:
    """Yield the lines that a benchmark prints; a last one says so if it fails."""
    arguments = benchmark.quick if quick else benchmark.arguments
    command = [sys.executable, str(ROOT / "benchmarks" / benchmark.script), *arguments]
    # Benchmarks that run side by side have one core each.
    environment = os.environ if benchmark.alone else {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    _RUNNING.add(process.pid)
    late = threading.Event()

    def end() -> None:
        late.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(60 * benchmark.minutes, end)
    timer.start()
    assert process.stdout is not None
    try:
        for text in process.stdout:
            line = parsed(text)
            if line is not None:
                yield {**line, "benchmark": benchmark.name}
        code = process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            end()
        _RUNNING.discard(process.pid)
    if late.is_set():
        told = f"did not end within {benchmark.minutes:g} minutes; what it printed until then stays"
        yield {"benchmark": benchmark.name, "failed": told}
    elif code:
        yield {"benchmark": benchmark.name, "failed": f"ended with the status {code}"}


def _end_all(*_: object) -> None:
    """End all benchmarks that run, and this process."""
    for session in list(_RUNNING):
        os.killpg(session, signal.SIGKILL)
    os._exit(1)


def parsed(text: str) -> dict[str, Any] | None:
    """Return a JSON line, or ``None`` if the text is none: benchmarks print tables for people."""
    if not text.startswith("{"):
        return None
    try:
        return dict(json.loads(text))
    except json.JSONDecodeError:
        return None


def merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the new lines, and the old ones of benchmarks that were not run again."""
    again = {line.get("of", line["benchmark"]) for line in new}
    kept = [line for line in old if line.get("of", line["benchmark"]) not in again]
    return [*(new[:1]), *kept, *new[1:]]


def _arguments() -> argparse.Namespace:
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--only", nargs="+", choices=names, default=names)
    add("--quick", action="store_true")
    add("--lines", type=Path, default=ROOT / "docs" / "performance.jsonl")
    add("--page", type=Path, default=ROOT / "docs" / "performance.md")
    add("--from-lines", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
