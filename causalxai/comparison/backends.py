"""Where the jobs of a comparison are done: here, in local processes, or on a cluster."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeVar

from causalxai.errors import CausalxaiError
from causalxai.process import end_with_parent
from causalxai.supervision import PATIENCE, signal_children

Value = TypeVar("Value")

_CLUSTERS = {"dask": "distributed", "ray": "ray"}
"""The backends that have an address, and the module that each needs."""
BACKENDS = ("loky", "threading", *_CLUSTERS)
"""What does jobs."""
_SECONDS_TO_ANSWER = 20.0


@dataclass(frozen=True)
class Workers:
    """What does jobs.

    Parameters
    ----------
    count
        The number of jobs at a time.
    submit
        Has a function called with arguments, and returns the future result.
    lost
        The errors of a future whose worker was killed. The call can be submitted again.
    """

    count: int
    submit: Callable[..., Future[Any]]
    lost: tuple[type[BaseException], ...] = ()


def check_backend(backend: str | None, address: str | None) -> None:
    """Check what a user asks for before any work.

    Raises
    ------
    CausalxaiError
        If there is no such backend, it is not installed, or it has no address.
    """
    if backend is not None and backend not in BACKENDS:
        raise CausalxaiError(f"backend {backend}: there are {', '.join(BACKENDS)}")
    if address is not None and backend not in _CLUSTERS:
        raise CausalxaiError(
            f"address {address}: only a cluster has an address; give --backend dask or ray with it"
        )
    if backend in _CLUSTERS and find_spec(_CLUSTERS[backend]) is None:
        raise CausalxaiError(
            f"backend {backend}: it is not installed; pip install 'causalxai[{backend}]'"
        )


def default_backend(*, apart: bool) -> str:
    """Return the backend for several jobs on this machine.

    Parameters
    ----------
    apart
        Whether each job is done in a child process that forks off. Threads that wait for such
        children are the quickest way then, because a child has all modules already.
    """
    return "threading" if apart else "loky"


def can_fork(*, on_cpu: bool) -> bool:
    """Return whether jobs are done in children that fork off: on CPUs, under Linux."""
    return on_cpu and sys.platform == "linux"


@contextmanager
def workers(
    backend: str | None, jobs: int | None, address: str | None, *, threads: int, on_cpu: bool
) -> Iterator[Workers]:
    """Provide what does the jobs in the block.

    Parameters
    ----------
    backend
        ``threading``: threads of this process, in children that fork off; ``loky``: processes of
        this machine; ``dask`` and ``ray``: a cluster. By default one of the first two.
    jobs
        The number of jobs at a time. By default as many as the cluster has threads, or as many as
        this machine has cores, divided by ``threads``; one on an accelerator.
    address
        The address of the cluster's scheduler. Without it, one is started on this machine.
    threads
        The CPU threads of each job.
    on_cpu
        Whether the device is the CPU.

    Raises
    ------
    CausalxaiError
        If the cluster does not answer, or the backend cannot do several of these jobs at a time.
    """
    own = own_jobs(jobs, threads, on_cpu=on_cpu)
    apart = can_fork(on_cpu=on_cpu)
    if backend == "dask":
        provided = _of_dask(jobs, own, address, threads)
    elif backend == "ray":
        provided = _of_ray(jobs, own, address, threads)
    elif backend is None and own == 1:
        provided = _in_this_thread()
    elif (backend or default_backend(apart=apart)) == "loky":
        provided = _of_loky(own)
    else:
        if own > 1 and not apart:
            raise CausalxaiError(
                "--backend threading does several jobs at a time only on CPUs under Linux, where "
                "each has a process of its own; use --backend loky"
            )
        provided = _of_threads(own)
    with provided as found:
        yield found


def own_jobs(jobs: int | None, threads: int, *, on_cpu: bool) -> int:
    """Return the number of jobs at a time on this machine."""
    from joblib import cpu_count

    if jobs is not None:
        return jobs
    return max(1, cpu_count() // threads) if on_cpu else 1


@contextmanager
def _in_this_thread() -> Iterator[Workers]:
    def submit(function: Callable[..., Value], *arguments: Any) -> Future[Value]:
        future: Future[Value] = Future()
        future.set_result(function(*arguments))
        return future

    yield Workers(1, submit)


@contextmanager
def _of_threads(jobs: int) -> Iterator[Workers]:
    futures: set[Future[Any]] = set()

    def submit(function: Callable[..., Value], *arguments: Any) -> Future[Value]:
        future = pool.submit(function, *arguments)
        futures.add(future)
        future.add_done_callback(futures.discard)
        return future

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="causalxai")
    try:
        yield Workers(jobs, submit)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        end = time.monotonic() + PATIENCE
        while wait(set(futures), timeout=0.1).not_done:
            signal_children(signal.SIGINT if time.monotonic() < end else signal.SIGKILL)
        raise
    finally:
        pool.shutdown()


@contextmanager
def _of_loky(jobs: int) -> Iterator[Workers]:
    # Not loky's reusable executor, which joblib keeps for its own calls in the same process.
    from joblib.externals.loky import ProcessPoolExecutor

    new = partial(ProcessPoolExecutor, jobs, initializer=end_with_parent, initargs=(os.getpid(),))
    pool = new()

    def submit(function: Callable[..., Value], *arguments: Any) -> Future[Value]:
        nonlocal pool
        try:
            future: Future[Value] = pool.submit(function, *arguments)
        except BrokenExecutor:
            # A pool whose worker was killed takes no more calls.
            pool = new()
            future = pool.submit(function, *arguments)
        return future

    try:
        yield Workers(jobs, submit, (BrokenExecutor,))
    except BaseException:
        pool.shutdown(kill_workers=True)
        raise
    pool.shutdown()


@contextmanager
def _of_dask(jobs: int | None, own: int, address: str | None, threads: int) -> Iterator[Workers]:
    from distributed import Client, KilledWorker

    try:
        # One thread per process: a worker's child does the work.
        client = (
            Client(n_workers=own, threads_per_worker=1, dashboard_address=None)
            if address is None
            else Client(address, timeout=_SECONDS_TO_ANSWER)
        )
    except (OSError, ValueError) as error:
        raise _no_answer("dask", address, error) from error
    with client:
        count = jobs or max(1, sum(client.nthreads().values()) // threads)
        # The same call may be done again: a score that failed is not remembered.
        pool = client.get_executor(pure=False)
        try:
            yield Workers(count, pool.submit, (KilledWorker,))
        except BaseException:
            pool.shutdown(wait=False)
            raise


@contextmanager
def _of_ray(jobs: int | None, own: int, address: str | None, threads: int) -> Iterator[Workers]:
    import ray

    try:
        ray.init(address=address, **({} if address else {"num_cpus": own * threads}))
    except (OSError, ValueError, RuntimeError) as error:
        raise _no_answer("ray", address, error) from error
    try:
        call = ray.remote(_called).options(num_cpus=threads)

        def submit(function: Callable[..., Value], *arguments: Any) -> Future[Value]:
            future: Future[Value] = call.remote(function, *arguments).future()
            return future

        count = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
        yield Workers(count, submit, (ray.exceptions.WorkerCrashedError,))
    finally:
        ray.shutdown()


def _called(function: Callable[..., Value], *arguments: Any) -> Value:
    return function(*arguments)


def _no_answer(backend: str, address: str | None, error: Exception) -> CausalxaiError:
    where = "on this machine" if address is None else f"at {address}"
    return CausalxaiError(f"--backend {backend}: no cluster answers {where}: {error}")
