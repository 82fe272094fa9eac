"""Work on many pieces in processes of its own, which end with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import joblib
import torch
from joblib.externals.loky import ProcessPoolExecutor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Result = TypeVar("Result")


def results_of(
    work: Callable[..., Result], pieces: Iterable[tuple[object, ...]], *, many: bool
) -> Iterator[Result]:
    """Yield what ``work`` returns for each piece, in order.

    Each piece is worked on with one thread, because several are not faster for small pictures.

    Parameters
    ----------
    work
        Takes a piece's arguments; with ``many``, other processes call it.
    pieces
        The arguments.
    many
        Whether the pieces are worth as many processes as there are cores.
    """
    if not many:
        for piece in pieces:
            yield _on_one_thread(work, *piece)
        return
    # Not joblib.Parallel: its workers stay for minutes, each with torch in its memory, and a
    # process that ends without its exit handlers, as children that fork off do, leaks their files.
    pool = ProcessPoolExecutor(joblib.cpu_count())
    try:
        futures = [pool.submit(_on_one_thread, work, *piece) for piece in pieces]
        # What was yielded is not kept.
        futures.reverse()
        while futures:
            yield futures.pop().result()
    except BaseException:
        pool.shutdown(kill_workers=True)
        raise
    pool.shutdown()


def _on_one_thread(work: Callable[..., Result], *arguments: object) -> Result:
    with _one_thread():
        return work(*arguments)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
