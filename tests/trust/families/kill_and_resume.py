"""Runs and comparisons that are killed at any moment, and continued."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.trust.family import Case, Family
from tests.trust.small_runs import SPECS, finish, leftovers, results, spec, start, write_spec

_KILLS = 3
# Long enough that a kill often hits a training or a search.
_LONGER = {
    "interventional": {"classifier": {"use": "lenet", "epochs": 12, "channels": [4, 6]}},
    "glance": {"concepts": {"latents": 4, "steps": 40, "channels": 8, "batch_size": 8}},
    "dvae": {
        "concepts": {
            "autoencoder": {"bits": 4, "steps": 300},
            "generator": {"steps": 40, "batch_size": 4},
        }
    },
}


def _killed(name: str, folder: Path) -> str:
    """Kill a run a few times, let it finish, and compare with a run that was not disturbed."""
    path = write_spec(spec(name, **_LONGER.get(name, {})), folder / "spec.yaml")
    whole, broken = folder / "whole", folder / "broken"
    begin = time.monotonic()
    code, _, told = finish(start("run", path, "--out", whole))
    assert code == 0, told
    lasts = time.monotonic() - begin
    rng = random.Random(name)
    for _ in range(_KILLS):
        process = start("run", path, "--out", broken)
        # Nothing is written before the imports are done, about half of the time.
        _kill_after(process.pid, lasts * rng.uniform(0.4, 0.95))
        finish(process)
    code, _, told = finish(start("run", path, "--out", broken))
    assert code == 0, told
    assert results(broken) == results(whole), "the results differ from those of a whole run"
    assert not leftovers(broken), leftovers(broken)
    return ""


def _compared(kind: int, folder: Path) -> str:
    """Stop a comparison with two workers, and continue it."""
    data = {**spec("saliency"), "vary": {"seed": [0, 1], "explain": ["saliency", "random"]}}
    data["classifier"] = {"use": "lenet", "epochs": 6, "channels": [4, 6], "hidden": 16}
    path = write_spec(data, folder / "spec.yaml")
    whole, broken = folder / "whole", folder / "broken"
    begin = time.monotonic()
    code, _, told = finish(start("compare", path, "--out", whole, "--jobs", 2))
    assert code == 0, told
    lasts = time.monotonic() - begin
    rng = random.Random(kind)
    for _ in range(_KILLS):
        process = start(
            "compare", path, "--out", broken, "--jobs", 2, env={**os.environ, _MARK: str(folder)}
        )
        time.sleep(lasts * rng.uniform(0.4, 0.9))
        over = process.poll() is not None
        process.send_signal(kind)
        code, _, told = finish(process)
        assert "Traceback" not in told, told
        if kind == signal.SIGTERM and not over:
            assert code in (0, 128 + signal.SIGTERM), f"it ended with {code}: {told}"
        _wait_for_workers(str(folder))
    code, _, told = finish(start("compare", path, "--out", broken, "--jobs", 2))
    assert code == 0, told
    assert not leftovers(broken), leftovers(broken)
    same = {name: digest for name, digest in results(whole).items() if "-comparison-" not in name}
    assert same.items() <= results(broken).items(), "the results differ"
    return ""


_MARK = "CAUSALXAI_TRUST_RUN"


def _workers(mark: str) -> list[int]:
    """Return the processes that inherited a mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes()
        except OSError:
            continue
        if f"{_MARK}={mark}".encode() in environment:
            found.append(int(path.parent.name))
    return found


def _wait_for_workers(mark: str, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while left := _workers(mark):
        assert time.monotonic() < end, f"{len(left)} processes of a comparison are still there"
        time.sleep(0.2)


def _kill_after(pid: int, seconds: float) -> None:
    time.sleep(seconds)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _cases() -> Iterator[Case]:
    for name in SPECS:
        yield Case(f"{name}: {_KILLS} kills", partial(_killed, name))
    for kind in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP):
        yield Case(f"compare --jobs 2: {_KILLS} times {kind.name}", partial(_compared, kind))


FAMILY = Family(
    "kill-and-resume",
    "A run or a comparison that is killed at any moment goes on to the same bytes; its workers end "
    "with it.",
    _cases,
)
