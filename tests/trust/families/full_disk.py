"""Disks that are full, files that may not grow, and folders that cannot be written to."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from causalxai import run
from causalxai.comparison import compare
from causalxai.errors import DataError
from tests.trust.family import Case, Family
from tests.trust.small_runs import finish, leftovers, results, spec, start, write_spec

_SPEC = spec("lime")
_GRID = {**_SPEC, "vary": {"seed": [0, 1]}}

_WRITERS = ("mkdir", "write_bytes", "write_text", "replace")
"""The methods of ``Path`` that write; each call of one is a place where the disk may be full."""


class _Full:
    """A disk that is full from the n-th time on that something is written."""

    def __init__(self, after: int, number: int, only: Path) -> None:
        self.left, self.number, self.only = after, number, only

    def wrap(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def writing(path: Path, *arguments: Any, **options: Any) -> Any:
            if self.only in path.parents:
                self.left -= 1
                if self.left < 0:
                    raise OSError(self.number, os.strerror(self.number), str(path))
            return method(path, *arguments, **options)

        return writing


def _fails_once(after: int, number: int, folder: Path, whole: dict[str, str]) -> str:
    """Run on a disk that becomes full, then on one with room; tell whether it became full."""
    runs = folder / "runs"
    full = _Full(after, number, runs)
    patches = [patch.object(Path, name, full.wrap(getattr(Path, name))) for name in _WRITERS]
    told = ""
    for each in patches:
        each.start()
    try:
        run(_SPEC, out=runs)
    except DataError as error:
        told = str(error)
    finally:
        for each in patches:
            each.stop()
    if full.left >= 0:
        assert not told
        return "there was room"
    assert os.strerror(number) in told, f"it is not told, but {told!r}"
    assert str(runs) in told
    assert "\n" not in told
    left = [name for name in leftovers(runs) if ".writing-" in name]
    assert not left, left
    run(_SPEC, out=runs)
    assert results(runs) == whole, "the next run gives other results"
    assert not leftovers(runs)
    return ""


def _many(places: range, number: int, folder: Path) -> str:
    run(_SPEC, out=folder / "whole")
    whole, full = results(folder / "whole"), 0
    for after in places:
        inside = folder / str(after)
        inside.mkdir()
        full += not _fails_once(after, number, inside, whole)
    return f"{full} places"


def _limited(kilobytes: int, folder: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))

    path = write_spec(_SPEC, folder / "spec.yaml")
    runs, other = folder / "runs", folder / "other"
    code, _, told = finish(start("run", path, "--out", runs, preexec_fn=limit))
    assert code == 1, told
    assert "Traceback" not in told, told
    assert "cannot be written: File too large" in told.splitlines()[-1], told
    assert not [name for name in leftovers(runs) if ".writing-" in name]
    for place in (runs, other):
        code, _, told = finish(start("run", path, "--out", place))
        assert code == 0, told
    assert results(runs) == results(other)


def _limited_comparison(folder: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    path = write_spec(_GRID, folder / "spec.yaml")
    process = start("compare", path, "--out", folder / "runs", "--jobs", 2, preexec_fn=limit)
    code, _, told = finish(process)
    assert code == 1, told
    assert "Traceback" not in told, told
    assert "cannot be written: File too large" in told
    assert not [name for name in leftovers(folder / "runs") if ".writing-" in name]
    comparison = compare(_GRID, out=folder / "runs", jobs=1)
    assert not comparison.failures()


def _in_the_way(inside: str, folder: Path) -> None:
    """Put a file where a run wants a folder."""
    path = folder / "runs" / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    try:
        run(_SPEC, out=folder / "runs")
    except DataError as error:
        assert "cannot be written" in str(error), error
        assert "\n" not in str(error)
    else:
        raise AssertionError("a file was no obstacle")


def _output_is_full(folder: Path) -> None:
    path = write_spec(_SPEC, folder / "spec.yaml")
    with Path("/dev/full").open("w") as full:
        code, _, told = finish(start("validate", path, stdout=full))
    assert code == 1
    assert told == "standard output, or a file: No space left on device\n", told


def _cases() -> Iterator[Case]:
    for number in (errno.ENOSPC, errno.EIO):
        for begin in range(0, 48, 12):
            places = range(begin, begin + 12, 3 if number == errno.EIO else 1)
            name = f"{errno.errorcode[number]} at the places from {begin} on"
            yield Case(name, partial(_many, places, number))
    for kilobytes in (1, 2, 8):
        yield Case(f"files of at most {kilobytes} KiB", partial(_limited, kilobytes))
    yield Case("files of at most 4 KiB in a comparison", _limited_comparison)
    for inside in (".store", ".store/locks", ".store/classifier", ".store/partial"):
        yield Case(
            f"a file called {inside}", partial(_in_the_way, inside), quick=inside == ".store"
        )
    yield Case("standard output is full", _output_is_full)


FAMILY = Family(
    "full-disk",
    "What cannot be written is told in one line; nothing half-written is left, and the next run "
    "gives the results that it would have given.",
    _cases,
)
