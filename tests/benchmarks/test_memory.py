"""Stages keep to the limit of their spec on images of which few fit into it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def memory() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module("memory")
    for name in ("memory", "large_folder"):
        sys.modules.pop(name, None)


def check(memory: ModuleType, run: str, folder: Path, size: int, limit: int) -> None:
    peaks = memory.peaks_of(run, folder, size, limit)
    assert [peak.stage for peak in peaks][:2] == ["dataset", "classifier"]
    assert [peak for peak in peaks if not peak.keeps] == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_run_keeps_to_its_limit(memory: ModuleType, tmp_path: Path):
    memory.write_images(tmp_path, 300, 112)
    check(memory, "dvae", tmp_path, 112, 128)


def test_a_peak_may_be_somewhat_above_the_limit(memory: ModuleType):
    assert memory.Peak("a", "b", 114.0, 100).keeps
    assert not memory.Peak("a", "b", 116.0, 100).keeps


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_every_run_keeps_to_its_limit_on_many_photographs(memory: ModuleType, tmp_path: Path):
    memory.write_images(tmp_path, 4000, 128)
    for run in memory.RUNS:
        check(memory, run, tmp_path, 128, 1024)
