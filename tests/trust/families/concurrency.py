"""Several processes that work in the same folder at the same time."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.trust.family import Case, Family
from tests.trust.small_runs import SPECS, finish, leftovers, results, spec, start, write_spec


def _at_once(name: str, processes: int, folder: Path) -> None:
    """Run a spec in several processes: each stage is computed by one of them."""
    path = write_spec(spec(name), folder / "spec.yaml")
    together, alone = folder / "together", folder / "alone"
    running = [start("run", path, "--out", together, "--json") for _ in range(processes)]
    summaries = []
    for process in running:
        code, out, told = finish(process)
        assert code == 0, told
        summaries.append(json.loads(out))
    code, out, told = finish(start("run", path, "--out", alone, "--json"))
    assert code == 0, told
    computed = [stage for summary in summaries for stage in summary["computed"]]
    assert sorted(computed) == sorted(json.loads(out)["computed"]), f"computed: {computed}"
    assert results(together) == results(alone)
    assert not leftovers(together)


def _one_is_stopped(folder: Path) -> None:
    """Stop one of two processes: the other finishes what it began."""
    data = spec("saliency", classifier={"use": "lenet", "epochs": 12, "channels": [4, 6]})
    path = write_spec(data, folder / "spec.yaml")
    together, alone = folder / "together", folder / "alone"
    first, second = (start("run", path, "--out", together) for _ in range(2))
    end = time.monotonic() + 60
    while not list(together.glob(".store/locks/*")) and time.monotonic() < end:
        time.sleep(0.05)
    first.send_signal(signal.SIGTERM)
    code, _, told = finish(first)
    assert "Traceback" not in told, told
    assert code in (0, 128 + signal.SIGTERM)
    code, _, told = finish(second)
    assert code == 0, told
    code, _, told = finish(start("run", path, "--out", alone))
    assert code == 0, told
    assert results(together) == results(alone)
    assert not leftovers(together)


def _compare_and_run(folder: Path) -> None:
    grid = {**spec("saliency"), "vary": {"seed": [0, 1]}}
    both = write_spec(grid, folder / "grid.yaml")
    runs = folder / "runs"
    running = [start("compare", both, "--out", runs, "--jobs", 2) for _ in range(2)]
    for process in running:
        code, _, told = finish(process)
        assert code == 0, told
    code, out, told = finish(start("compare", both, "--out", runs, "--jobs", 1, "--json"))
    assert code == 0, told
    assert not leftovers(runs)
    assert [entry["status"] for entry in json.loads(out)["runs"]] == ["ok", "ok"]


def _cases() -> Iterator[Case]:
    for name in SPECS:
        yield Case(f"{name} in two processes", partial(_at_once, name, 2))
    yield Case("lime in four processes", partial(_at_once, "lime", 4))
    yield Case("one of two is stopped", _one_is_stopped)
    yield Case("two comparisons with two workers each", _compare_and_run)


FAMILY = Family(
    "concurrency",
    "Processes may work in the same folder at the same time: each stage is computed once, and all "
    "give the results of a process alone.",
    _cases,
)
