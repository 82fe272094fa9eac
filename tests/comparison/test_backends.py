"""Backends do what they are given, wherever that is, and say what they cannot do."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import wait
from pathlib import Path

import joblib
import pytest

from causalxai.comparison import backends
from causalxai.comparison.backends import check_backend, own_jobs, workers
from causalxai.errors import CausalxaiError
from causalxai.supervision import apart


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
