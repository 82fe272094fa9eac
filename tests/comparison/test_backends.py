"""Backends do what they are given, wherever that is, and say what they cannot do."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import joblib
import pandas as pd
import pytest

from causalxai import Comparison, compare
from causalxai.comparison import backends
from causalxai.comparison.backends import check_backend, own_jobs, workers
from causalxai.errors import CausalxaiError
from causalxai.supervision import apart
from tests.trust.small_runs import results


def test_one_job_is_done_in_this_thread():
    with workers(None, 1, None, threads=1, on_cpu=True) as found:
        assert found.submit(threading.get_ident).result() == threading.get_ident()
        assert found.count == 1


@pytest.mark.skipif(sys.platform != "linux", reason="processes fork on Linux alone")
def test_several_jobs_wait_in_threads_by_default():
    with workers(None, 2, None, threads=1, on_cpu=True) as found:
        assert found.submit(os.getpid).result() == os.getpid()
        assert found.submit(threading.get_ident).result() != threading.get_ident()
        assert found.count == 2


def test_loky_has_processes_of_its_own_and_new_ones_after_a_kill():
    with workers("loky", 1, None, threads=1, on_cpu=True) as found:
        first = found.submit(os.getpid).result()
        assert first != os.getpid()
        with pytest.raises(found.lost):
            found.submit(os.kill, first, signal.SIGKILL).result()
        assert found.submit(os.getpid).result() not in (os.getpid(), first)


def test_children_are_interrupted_with_the_comparison(tmp_path: Path):
    def never() -> None:
        try:
            (tmp_path / "begun").touch()
            time.sleep(60)
        finally:
            (tmp_path / "ended").touch()

    def interrupted_once_begun() -> None:
        with workers("threading", 2, None, threads=1, on_cpu=True) as found:
            found.submit(apart, never)
            while not (tmp_path / "begun").exists():
                time.sleep(0.01)
            raise KeyboardInterrupt

    begin = time.monotonic()
    # Tests that a shell runs in the background ignore interrupts, and so would the child.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted_once_begun()
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "ended").exists()
    assert time.monotonic() - begin < 30


def test_the_number_of_jobs_follows_from_cores_and_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    assert own_jobs(None, 3, on_cpu=True) == 2
    assert own_jobs(None, 9, on_cpu=True) == 1
    assert own_jobs(None, 1, on_cpu=False) == 1
    assert own_jobs(5, 3, on_cpu=True) == 5


@pytest.mark.parametrize(
    ("backend", "address", "told"),
    [
        ("multiprocessing", None, "backend multiprocessing: there are loky, threading, dask, ray"),
        (None, "tcp://here:1", "only a cluster has an address"),
        ("loky", "tcp://here:1", "only a cluster has an address"),
        ("ray", None, r"pip install 'causalxai\[ray\]'"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(
    backend: str | None, address: str | None, told: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(backends, "find_spec", lambda _name: None)
    with pytest.raises(CausalxaiError, match=told):
        check_backend(backend, address)


def test_threads_without_children_do_one_job_at_a_time():
    with (
        pytest.raises(CausalxaiError, match="use --backend loky"),
        workers("threading", 2, None, threads=1, on_cpu=False),
    ):
        pass


def test_a_cluster_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(backends, "_SECONDS_TO_ANSWER", 0.5)
    with (
        pytest.raises(CausalxaiError, match=r"no cluster answers at tcp://127\.0\.0\.1:9"),
        workers("dask", None, "tcp://127.0.0.1:9", threads=1, on_cpu=True),
    ):
        pass


@pytest.mark.parametrize(
    ("backend", "module"),
    [("dask", "distributed"), pytest.param("ray", "ray", marks=pytest.mark.slow)],
)
def test_a_cluster_outlives_the_kill_of_a_worker(backend: str, module: str, tmp_path: Path):
    pytest.importorskip(module)

    def killed_once(mark: Path) -> int:
        if mark.name == "2" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    with workers(backend, 2, None, threads=1, on_cpu=True) as found:
        assert found.count == 2
        futures = [found.submit(killed_once, tmp_path / str(each)) for each in range(4)]
        assert not wait(futures, timeout=300).not_done
        assert os.getpid() not in {future.result() for future in futures}


def test_a_cluster_has_as_many_jobs_as_threads():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=6, processes=False, dashboard_address=None
        ) as cluster,
        workers("dask", None, cluster.scheduler_address, threads=2, on_cpu=True) as found,
    ):
        assert found.count == 3
        assert found.submit(os.getpid).result() == os.getpid()


Spec = dict[str, Any]
Trainings = Callable[[], list[str]]


@pytest.mark.parametrize("backend", [None, pytest.param("loky", marks=pytest.mark.slow)])
def test_two_jobs_find_what_one_finds(
    backend: str | None,
    done: Comparison,
    grid_spec: Spec,
    trainings: Trainings,
    tmp_path: Path,
):
    both = compare(grid_spec, out=tmp_path / "other", jobs=2, backend=backend)
    assert trainings() == ["world 0, 1 thread"] * 2
    assert_same(both, done)


@pytest.mark.slow
def test_a_cluster_finds_what_one_process_finds_even_if_a_worker_is_killed(
    done: Comparison, grid_spec: Spec, trainings: Trainings, tmp_path: Path
):
    distributed = pytest.importorskip("distributed")

    def kill_one() -> None:
        while not trainings():
            time.sleep(0.01)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        killer = threading.Thread(target=kill_one)
        killer.start()
        both = compare(
            grid_spec,
            out=tmp_path / "other",
            backend="dask",
            address=cluster.scheduler_address,
        )
        killer.join()
    assert_same(both, done)


@pytest.mark.slow
def test_machines_without_a_common_folder_share_a_store(
    done: Comparison,
    grid_spec: Spec,
    trainings: Trainings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    distributed = pytest.importorskip("distributed")

    def kill_one() -> None:
        while not trainings():
            time.sleep(0.01)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)

    here = tmp_path / "here"
    for folder in ("here", "there-0", "there-1"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(here)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        for number, address in enumerate(client.scheduler_info()["workers"]):
            client.run(os.chdir, tmp_path / f"there-{number}", workers=[address])
        killer = threading.Thread(target=kill_one)
        killer.start()
        both = compare(
            grid_spec,
            out="runs",
            store=f"file://{tmp_path}/shared",
            backend="dask",
            address=cluster.scheduler_address,
        )
        killer.join()
    assert list(tmp_path.glob("there-*/runs/.store"))
    for entry in both.entries:
        assert (entry.outcome.reason != "") == (entry.cell.labels["method"] == "refusing")
        assert entry.outcome.reason or (here / entry.outcome.directory / "report.html").is_file()
    for packed in (tmp_path / "shared").rglob("*.zip"):
        stage, key = packed.relative_to(tmp_path / "shared").with_suffix("").parts
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(tmp_path / "found" / ".store" / unquote(stage) / key)
    assert_same(both, done, store=tmp_path / "found" / ".store")


@pytest.mark.slow
def test_a_second_machine_computes_nothing_anew(
    done: Comparison, grid_spec: Spec, trainings: Trainings, tmp_path: Path
):
    shared = f"file://{tmp_path}/shared"
    first = compare(grid_spec, out=tmp_path / "one", store=shared, jobs=1)
    assert_same(first, done)
    again = compare(grid_spec, out=tmp_path / "other", store=shared, jobs=1)
    assert len(trainings()) == 2
    for entry in again.entries:
        assert entry.outcome.reason or entry.outcome.computed == ()
        assert entry.outcome.reason or (entry.outcome.directory / "report.html").is_file()
    pd.testing.assert_series_equal(again.table.value, done.table.value)


def assert_same(one: Comparison, other: Comparison, store: Path | None = None) -> None:
    """Check that two comparisons have the same scores, and the same bytes in their stores."""
    timed = ["seconds"]
    pd.testing.assert_frame_equal(one.table.drop(columns=timed), other.table.drop(columns=timed))
    assert one.directory.name == other.directory.name
    stored = [
        # A report shows its spec, in which the folder of the test stands.
        {
            file: of
            for file, of in results(store).items()
            if not file.startswith(("report/", "locks/"))
        }
        for store in (
            store or one.directory.parent / ".store",
            other.directory.parent / ".store",
        )
    ]
    assert stored[0].keys() == stored[1].keys()
    assert [file for file in stored[0] if stored[0][file] != stored[1][file]] == []
    assert len(stored[0]) > 20
