"""The same run twice, in circumstances that must not matter."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.trust.family import Case, Family
from tests.trust.small_runs import SPECS, finish, results, spec, start, write_spec


def _run(path: Path, out: Path, *more: object, hash_seed: str = "0") -> dict[str, str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": hash_seed}
    code, _, told = finish(start(*more, path, "--out", out, env=environment))
    assert code == 0, told
    return results(out)


def _same(one: dict[str, str], other: dict[str, str]) -> None:
    assert one.keys() == other.keys(), f"only in one: {one.keys() ^ other.keys()}"
    differ = [name for name in one if one[name] != other[name]]
    assert not differ, f"not the same bytes: {differ}"


def _without(file: str, found: dict[str, str]) -> dict[str, str]:
    """Return the results without the files whose names begin so."""
    return {path: of for path, of in found.items() if not Path(path).name.startswith(file)}


def _in_two_processes(name: str, folder: Path) -> None:
    """Run a spec in two processes that order their sets differently."""
    path = write_spec(spec(name), folder / "spec.yaml")
    runs = [_run(path, folder / seed, "run", "--threads", 1, hash_seed=seed) for seed in "01"]
    _same(*runs)


def _with_two_threads(name: str, folder: Path) -> None:
    path = write_spec(spec(name), folder / "spec.yaml")
    runs = [_run(path, folder / at, "run", "--threads", 2) for at in ("one", "other")]
    _same(*runs)


def _with_jobs(name: str, folder: Path) -> None:
    path = write_spec({**spec(name), "vary": {"images.count": [2, 3]}}, folder / "grid.yaml")
    runs = [_run(path, folder / str(jobs), "compare", "--jobs", jobs) for jobs in (1, 2)]
    # The tables of a comparison have the seconds that its runs took.
    _same(*(_without("summary.", _without("comparison.", found)) for found in runs))


def _with_little_memory(name: str, folder: Path) -> None:
    """Limit the memory of the oracle, so that it answers in smaller chunks."""
    runs = []
    for megabytes in (64, 4096):
        at = folder / str(megabytes)
        path = write_spec(spec(name, memory_mb=megabytes), folder / f"{megabytes}.yaml")
        runs.append(_run(path, at, "run", "--threads", 1))
    # The report shows the spec, in which the limit stands.
    _same(*(_without("spec.yaml", _without("report.html", found)) for found in runs))


def _piecemeal(name: str, folder: Path) -> None:
    """Compute a run after another one that shares its first stages."""
    path = write_spec(spec(name), folder / "spec.yaml")
    other = write_spec(spec(name, images={"count": 1, "only": "any"}), folder / "other.yaml")
    alone = _run(path, folder / "alone", "run", "--threads", 1)
    _run(other, folder / "after", "run", "--threads", 1)
    after = _run(path, folder / "after", "run", "--threads", 1)
    _same(alone, {name: found for name, found in after.items() if name in alone})


def _cases() -> Iterator[Case]:
    for name in SPECS:
        yield Case(f"{name} twice", partial(_in_two_processes, name))
    for name in ("interventional", "lime"):
        yield Case(f"{name} with two threads twice", partial(_with_two_threads, name))
        yield Case(f"{name} with one job and two", partial(_with_jobs, name))
    for name in ("interventional", "patches", "glance"):
        yield Case(f"{name} with little memory", partial(_with_little_memory, name))
    for name in ("interventional", "saliency"):
        yield Case(f"{name} in parts", partial(_piecemeal, name))


FAMILY = Family(
    "determinism",
    "The same spec, seed and number of threads give the same bytes on the same machine, in any "
    "process, with any number of jobs, and whatever was computed before.",
    _cases,
)
