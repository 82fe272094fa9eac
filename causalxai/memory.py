"""How much memory a run may take, and how many things fit into a part of it.

The limit of a run is ``memory_mb`` in its spec. It is set around all calls into the parts of the
run, for the thread that makes them, so that whatever works in batches can ask for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DEFAULT_LIMIT = 4096 * 2**20
"""The most bytes that a run may take, unless its spec says otherwise."""

_PARTS = 8

_MIB = 2**20

_limit: ContextVar[int] = ContextVar("memory limit", default=DEFAULT_LIMIT)

_logger = logging.getLogger(__name__)


@contextmanager
def limited_to(limit: int) -> Iterator[None]:
    """Set the most bytes that a run may take, until the end of the block."""
    before = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(before)


def memory_limit() -> int:
    """Return the most bytes that the run may take, beside what the program itself takes."""
    return _limit.get()


def memory_part() -> int:
    """Return the bytes that one thing may take: an eighth of the limit.

    Several such things are in memory at the same time, such as the images of a data set, a batch
    of them on its way through a network and its answers.
    """
    return max(1, memory_limit() // _PARTS)


def rows_that_fit(bytes_each: float, most: int) -> int:
    """Return how many rows to process at once, from 1 to ``most``.

    Parameters
    ----------
    bytes_each
        What a row takes.
    most
        The number where memory is no concern.
    """
    return max(1, min(most, int(memory_part() // max(1, bytes_each))))


def tell_if_too_large(what: str, size: float, remedy: str) -> None:
    """Warn, before long work begins, of something that takes more memory than the run may.

    Parameters
    ----------
    what
        What takes it, as the subject of a sentence in the plural.
    size
        The bytes that it takes, as far as that is known beforehand.
    remedy
        What the user can do, as an imperative.
    """
    if size > memory_limit():
        _logger.warning(
            "%s take about %d MiB of memory, more than the %d of memory_mb; %s, or raise memory_mb",
            what, size / _MIB, memory_limit() / _MIB, remedy,
        )  # fmt: skip
